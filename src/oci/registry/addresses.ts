/** What a host in a URL is, as far as can be told without asking DNS. */
export type HostKind = "loopback" | "link-local" | "private" | "public" | "name";

/** Host without port; an IPv6 address with or without its brackets. */
export function hostKind(host: string): HostKind {
  const text = host.toLowerCase().replace(/\.$/, "");
  if (text === "localhost" || text.endsWith(".localhost")) return "loopback";
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return kindOfIpv4(v4);
  if (!text.includes(":")) return "name";
  return kindOfIpv6(text.replace(/^\[|\]$/g, ""));
}

/** True for an address in a CIDR block ("10.0.0.0/8"); IPv4 only, names never match. */
export function inIpv4Block(host: string, block: string): boolean {
  const [base = "", length = ""] = block.split("/");
  const address = parseIpv4(host);
  const start = parseIpv4(base);
  if (address === undefined || start === undefined || !/^([0-9]|[12][0-9]|3[0-2])$/.test(length)) {
    return false;
  }
  const span = 2 ** (32 - Number(length));
  return Math.floor(address / span) === Math.floor(start / span);
}

/** Dotted decimal only: the URL parser has already turned every other spelling into it. */
function parseIpv4(text: string): number | undefined {
  const match = /^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})$/.exec(text);
  if (match === null) return undefined;
  const parts = match.slice(1).map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

const ipv4Kinds: readonly [string, HostKind][] = [
  ["127.0.0.0/8", "loopback"],
  ["0.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local"],
  ["10.0.0.0/8", "private"],
  ["172.16.0.0/12", "private"],
  ["192.168.0.0/16", "private"],
  ["100.64.0.0/10", "private"],
];

function kindOfIpv4(address: number): HostKind {
  const text = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
  return ipv4Kinds.find(([block]) => inIpv4Block(text, block))?.[1] ?? "public";
}

/** `text` is in the URL parser's canonical form, as `new URL` gives it. */
function kindOfIpv6(text: string): HostKind {
  if (text === "::1" || text === "::") return "loopback";
  const mapped = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text);
  if (mapped !== null) {
    return kindOfIpv4(
      Number.parseInt(mapped[1] ?? "", 16) * 65536 + Number.parseInt(mapped[2] ?? "", 16),
    );
  }
  const first = Number.parseInt(text.split(":", 1)[0] || "0", 16);
  if ((first & 0xffc0) === 0xfe80) return "link-local";
  if ((first & 0xfe00) === 0xfc00) return "private";
  return "public";
}
