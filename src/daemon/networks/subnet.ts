/** IPv4 arithmetic for address management. An address is a number from 0 to 2^32 - 1. */

export interface Subnet {
  /** First address of the block. */
  base: number;
  prefix: number;
}

export function parseAddress(text: string): number {
  return text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** "172.17.0.1/16" → the block 172.17.0.0/16. */
export function parseSubnet(text: string): Subnet {
  const [address = "0.0.0.0", prefix = "32"] = text.split("/");
  const size = sizeOf(Number(prefix));
  return { base: Math.floor(parseAddress(address) / size) * size, prefix: Number(prefix) };
}

export function formatSubnet({ base, prefix }: Subnet): string {
  return `${formatAddress(base)}/${prefix}`;
}

export function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix);
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.base < b.base + sizeOf(b.prefix) && b.base < a.base + sizeOf(a.prefix);
}

/** Docker's default pools: 172.17–172.31 in blocks of 2^16, then 192.168 in blocks of 2^12. */
export const defaultPools: readonly string[] = [
  ...Array.from({ length: 15 }, (_, index) => `172.${17 + index}.0.1/16`),
  ...Array.from({ length: 16 }, (_, index) => `192.168.${index * 16}.1/20`),
];

/** The first pool that no route of the host overlaps; a default route overlaps nothing. */
export function chooseSubnet(routes: string[]): string | undefined {
  const taken = routes.filter((route) => !route.endsWith("/0")).map(parseSubnet);
  return defaultPools.find((pool) => !taken.some((route) => overlaps(route, parseSubnet(pool))));
}

/** The next free host address after `last`, going round once; undefined if the block is full. */
export function nextAddress(
  subnet: Subnet,
  taken: ReadonlySet<number>,
  last: number,
): number | undefined {
  const first = subnet.base + 1;
  const count = sizeOf(subnet.prefix) - 2;
  const start = last >= first && last < first + count ? last - first + 1 : 0;
  for (let step = 0; step < count; step++) {
    const candidate = first + ((start + step) % count);
    if (!taken.has(candidate)) return candidate;
  }
  return undefined;
}
