/** Frames written by hand, in hex: what a container sends that owns its wire and has bad manners. */

const hex = (bytes: Iterable<number>): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const word = (value: number): number[] => [(value >> 8) & 255, value & 255];

export const macBytes = (mac: string): number[] => mac.split(":").map((part) => parseInt(part, 16));

const ipv4Bytes = (address: string): number[] => address.split(".").map(Number);

/** All sixteen bytes of an address. */
export function ipv6Bytes(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const groups = (text: string | undefined) =>
    (text ?? "")
      .split(":")
      .filter(Boolean)
      .map((group) => parseInt(group, 16));
  const [front, back] = [groups(head), groups(tail)];
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => 0);
  return [...front, ...(tail === undefined ? [] : zeros), ...back].flatMap(word);
}

/** The Internet's checksum. */
function checksum(bytes: number[]): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2)
    sum += ((bytes[at] ?? 0) << 8) + (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

interface Ends {
  fromMac: string;
  toMac: string;
  from: string;
  to: string;
}

/** A datagram over IPv4, without a checksum of its own, as is allowed. */
export function udpFrame({ fromMac, toMac, from, to }: Ends, port: number, text: string): string {
  const payload = [...new TextEncoder().encode(text)];
  const udp = [...word(4444), ...word(port), ...word(8 + payload.length), 0, 0, ...payload];
  const header = (sum: number) => [
    ...[0x45, 0, ...word(20 + udp.length), 0, 1, 0, 0, 64, 17, ...word(sum)],
    ...ipv4Bytes(from),
    ...ipv4Bytes(to),
  ];
  const ip = header(checksum(header(0)));
  return hex([...macBytes(toMac), ...macBytes(fromMac), 8, 0, ...ip, ...udp]);
}

/** "I am `claimed`", told to everybody who listens. */
export function arpClaim(mac: string, claimed: string): string {
  const [me, address] = [macBytes(mac), ipv4Bytes(claimed)];
  const everybody = [255, 255, 255, 255, 255, 255];
  const arp = [0, 1, 8, 0, 6, 4, 0, 2, ...me, ...address, ...everybody, ...address];
  return hex([...everybody, ...me, 8, 6, ...arp]);
}

/** "I am your router, and this is your prefix", to all nodes. */
export function routerAdvertisement(mac: string, from: string, prefix: string): string {
  const [me, source, all] = [macBytes(mac), ipv6Bytes(from), ipv6Bytes("ff02::1")];
  const lifetime = [0, 0, 7, 8];
  const options = [
    ...[1, 1, ...me],
    ...[3, 4, 64, 0xc0, ...lifetime, ...lifetime, 0, 0, 0, 0, ...ipv6Bytes(prefix)],
  ];
  const icmp = (sum: number) => [
    ...[134, 0, ...word(sum), 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0],
    ...options,
  ];
  const length = icmp(0).length;
  const pseudo = [...source, ...all, 0, 0, ...word(length), 0, 0, 0, 58];
  const body = icmp(checksum([...pseudo, ...icmp(0)]));
  const ip = [0x60, 0, 0, 0, ...word(length), 58, 255, ...source, ...all];
  return hex([...macBytes("33:33:00:00:00:01"), ...me, 0x86, 0xdd, ...ip, ...body]);
}
