import { isIPv4, isIPv6 } from "node:net";

/** Arithmetic of addresses of both families; the value of one is a number below 2^32 or 2^128. */
export type Family = 4 | 6;

/** A block of addresses. */
export interface Prefix {
  family: Family;
  /** The block's first address. */
  base: bigint;
  length: number;
}

/** An address with the block that it lies in, "172.17.0.1/16". */
export interface Cidr {
  address: bigint;
  prefix: Prefix;
}

export const bitsOf = (family: Family): number => (family === 4 ? 32 : 128);

/** Undefined for what is no address, or has a zone. */
export function parseAddress(text: string): { family: Family; value: bigint } | undefined {
  if (isIPv4(text)) return { family: 4, value: parseIPv4(text) };
  if (isIPv6(text) && !text.includes("%")) return { family: 6, value: parseIPv6(text) };
  return undefined;
}

/** As the records of this engine have it. */
export function addressOf(text: string): bigint {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new TypeError(`not an address: ${text}`);
  return parsed.value;
}

/** Undefined for what is not ADDRESS/LENGTH. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.lastIndexOf("/");
  const address = parseAddress(text.slice(0, Math.max(slash, 0)));
  const digits = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const { family, value } = address;
  const length = Number(digits);
  if (length > bitsOf(family)) return undefined;
  return { address: value, prefix: blockOf(family, value, length) };
}

/** The block of that length around an address. */
export function blockOf(family: Family, address: bigint, length: number): Prefix {
  const hostBits = BigInt(bitsOf(family) - length);
  return { family, base: (address >> hostBits) << hostBits, length };
}

/** As the records of this engine have it, host bits left out. */
export function prefixOf(text: string): Prefix {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new TypeError(`not a subnet: ${text}`);
  return parsed.prefix;
}

export function sizeOf({ family, length }: Prefix): bigint {
  return 1n << BigInt(bitsOf(family) - length);
}

export function lastOf(prefix: Prefix): bigint {
  return prefix.base + sizeOf(prefix) - 1n;
}

export function contains(prefix: Prefix, family: Family, address: bigint): boolean {
  return family === prefix.family && address >= prefix.base && address <= lastOf(prefix);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.base <= lastOf(b) && b.base <= lastOf(a);
}

export function formatPrefix({ family, base, length }: Prefix): string {
  return `${formatAddress(family, base)}/${length}`;
}

/** IPv6 as RFC 5952 writes it. */
export function formatAddress(family: Family, value: bigint): string {
  return family === 4 ? formatIPv4(value) : formatIPv6(value);
}

function parseIPv4(text: string): bigint {
  return BigInt(text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0));
}

function formatIPv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
}

function parseIPv6(text: string): bigint {
  // The last 32 bits may be written as IPv4.
  const groups = text.replace(/[\d.]+\.[\d.]+$/, (tail) => {
    const value = parseIPv4(tail);
    return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  });
  const [head = "", tail] = groups.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].reduce(
    (sum, group) => (sum << 16n) | BigInt(Number.parseInt(group, 16)),
    0n,
  );
}

const mapped = 0xffffn << 32n;

function formatIPv6(value: bigint): string {
  if (value >> 32n === mapped >> 32n) return `::ffff:${formatIPv4(value & 0xffffffffn)}`;
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16),
  );
  const { start, length } = longestZeros(groups);
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

/** The first of the longest. */
function longestZeros(groups: string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== "0") start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}
