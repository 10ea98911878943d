/** One line of /etc/hosts. */
export interface HostRecord {
  address: string;
  /** Separated by blanks. */
  names: string;
}

const standard: HostRecord[] = [
  { address: "127.0.0.1", names: "localhost" },
  { address: "::1", names: "localhost ip6-localhost ip6-loopback" },
  { address: "fe00::", names: "ip6-localnet" },
  { address: "ff00::", names: "ip6-mcastprefix" },
  { address: "ff02::1", names: "ip6-allnodes" },
  { address: "ff02::2", names: "ip6-allrouters" },
];

/** Without addresses of a family that the container has switched off. */
export function buildHosts(records: readonly HostRecord[], ipv6 = true): string {
  return [...standard, ...records]
    .filter(({ address }) => ipv6 || !address.includes(":"))
    .map(toLine)
    .join("");
}

/** Of a container itself, for each of its addresses. As Docker: with a domain the first part alone too. */
export function ownRecords(
  hostname: string,
  domainname: string,
  addresses: readonly string[],
): HostRecord[] {
  const whole = domainname === "" ? hostname : `${hostname}.${domainname}`;
  const [first = ""] = whole.split(".");
  const names = first === whole ? whole : `${whole} ${first}`;
  return addresses.map((address) => ({ address, names }));
}

/** Of "name:address" or "name=address"; the address "host-gateway" stands for each of `gateways`. */
export function extraRecords(
  entries: readonly string[],
  gateways: readonly string[],
): HostRecord[] {
  return entries.flatMap((entry) => {
    const at = entry.search(/[:=]/);
    const [names, address] = [entry.slice(0, at), entry.slice(at + 1)];
    const addresses = address === "host-gateway" ? gateways : [address];
    return addresses.map((each) => ({ address: each, names }));
  });
}

/** The text with these records at its end. */
export function addRecords(text: string, records: readonly HostRecord[]): string {
  const lines = records.map(toLine);
  return text === "" || text.endsWith("\n")
    ? `${text}${lines.join("")}`
    : `${text}\n${lines.join("")}`;
}

/** The text without these records; lines that somebody has changed stay. */
export function removeRecords(text: string, records: readonly HostRecord[]): string {
  const gone = new Set(records.map(toLine));
  return splitLines(text)
    .filter((line) => !gone.has(line))
    .join("");
}

/** The text with the addresses of these records where their names have others. */
export function moveRecords(text: string, records: readonly HostRecord[]): string {
  const moved = records.reduce((lines, { address, names }) => {
    const isIpv6 = address.includes(":");
    return lines.map((line) => {
      const [before, after] = line.trimEnd().split("\t");
      const isIt = after === names && before?.includes(":") === isIpv6;
      return isIt ? toLine({ address, names }) : line;
    });
  }, splitLines(text));
  return moved.join("");
}

function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function toLine({ address, names }: HostRecord): string {
  return `${address}\t${names}\n`;
}
