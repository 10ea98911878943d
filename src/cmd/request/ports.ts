import { cut, isAddress, refuse } from "./parts.ts";

export interface Binding {
  HostIp: string;
  HostPort: string;
}

/** `-p` values → "80/tcp" → host bindings, ranges laid out port by port. */
export function parsePublished(items: readonly string[]): Map<string, Binding[]> {
  const bindings = new Map<string, Binding[]>();
  for (const item of items) {
    for (const [port, binding] of parseSpec(toShort(item))) {
      const list = bindings.get(port);
      if (list) list.push(binding);
      else bindings.set(port, [binding]);
    }
  }
  return bindings;
}

/** `--expose 80`, `80/udp` or `8000-8010/tcp` → "80/tcp", … The engine judges the protocol. */
export function parseExposed(text: string): string[] {
  if (text.includes(":")) throw refuse(`invalid port format for --expose: ${text}`);
  const [base, protocol] = splitProtocol(text);
  const range = parseRange(base);
  if (typeof range === "string") {
    throw refuse(`invalid range format for --expose: ${text}, error: ${range}`);
  }
  return ports(range).map((port) => `${port}/${protocol}`);
}

/** "published=8080,target=80,protocol=tcp" → "8080:80/tcp"; a mode is for swarms, and passed over. */
function toShort(text: string): string {
  if (!text.includes("=")) return text;
  const values: Record<string, string> = { protocol: "tcp", published: "", target: "" };
  for (const part of text.split(",")) {
    const [name, value] = cut(part, "=");
    if (name === "" || !part.includes("=")) {
      throw refuse(`invalid publish opts format (should be name=value but got '${part}')`);
    }
    values[name] = value;
  }
  return `${values.published}:${values.target}/${values.protocol}`;
}

/** [[IP:][HOST]:]CONTAINER[/PROTOCOL], HOST and CONTAINER may be ranges, IP may stand in brackets. */
function parseSpec(text: string): [string, Binding][] {
  const parts = text.split(":");
  const [inner, protocol] = splitProtocol(parts.pop() ?? "");
  const host = parts.pop() ?? "";
  const address = parseHostAddress(parts.join(":"));
  if (inner === "") throw refuse(`no port specified: ${text}<empty>`);
  const container = parseRange(inner);
  if (typeof container === "string") throw refuse(`invalid containerPort: ${inner}`);
  const outer = host === "" ? undefined : parseRange(host);
  if (typeof outer === "string") throw refuse(`invalid hostPort: ${host}`);
  const count = container.last - container.first;
  const spread = outer !== undefined && outer.last - outer.first !== count;
  if (spread && count > 0) {
    throw refuse(`invalid ranges specified for container and host Ports: ${inner} and ${host}`);
  }
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw refuse(`invalid proto: ${protocol}`);
  return ports(container).map((port, index) => {
    let hostPort = "";
    if (outer) hostPort = spread ? `${outer.first}-${outer.last}` : `${outer.first + index}`;
    return [`${port}/${protocol}`, { HostIp: address, HostPort: hostPort }];
  });
}

function parseHostAddress(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  if (bare !== "" && !isAddress(bare)) throw refuse(`invalid IP address: ${bare}`);
  return bare;
}

/** "80/UDP" → ["80", "udp"]; nothing at all has no protocol either. */
function splitProtocol(text: string): [base: string, protocol: string] {
  const [base, protocol] = cut(text, "/");
  return [base, protocol.toLowerCase() || "tcp"];
}

interface Range {
  first: number;
  last: number;
}

/** "80" or "8000-8010"; what is wrong with it, in Docker's words. */
function parseRange(text: string): Range | string {
  if (text === "") return "empty string specified for ports";
  const [start, end] = cut(text, "-");
  const numbers = text.includes("-") ? [start, end] : [start, start];
  for (const number of numbers) {
    const detail = /^\d+$/.test(number) ? "value out of range" : "invalid syntax";
    if (detail === "invalid syntax" || Number(number) > 65_535) {
      return `strconv.ParseUint: parsing "${number}": ${detail}`;
    }
  }
  const [first = 0, last = 0] = numbers.map(Number);
  return last < first ? `invalid range specified for port: ${text}` : { first, last };
}

function ports({ first, last }: Range): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
