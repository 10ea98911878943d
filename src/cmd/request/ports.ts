import { isAddress, refuse } from "./parts.ts";

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

/** `--expose 80`, `80/udp` or `8000-8010/tcp` → "80/tcp", … */
export function parseExposed(text: string): string[] {
  const { base, protocol } = splitProtocol(text);
  const range = parseRange(base);
  if (!range) throw refuse(`invalid range format for --expose: ${text}`);
  return ports(range).map((port) => `${port}/${protocol}`);
}

/** "published=8080,target=80,protocol=tcp" → "8080:80/tcp". */
function toShort(text: string): string {
  if (!text.includes("=")) return text;
  const values: Record<string, string> = { protocol: "tcp", published: "", target: "" };
  for (const part of text.split(",")) {
    const match = /^([^=]+)=(.*)$/.exec(part);
    if (!match?.[1]) {
      throw refuse(`invalid publish opts format (should be name=value but got '${part}')`);
    }
    values[match[1]] = match[2] ?? "";
  }
  return `${values.published}:${values.target}/${values.protocol}`;
}

/** [[IP:][HOST]:]CONTAINER[/PROTOCOL], HOST and CONTAINER may be ranges. */
function parseSpec(text: string): [string, Binding][] {
  const { base, protocol } = splitProtocol(text);
  const match = /^(?:(?:\[([^\]]*)\]:|([^:]*):)?([^:]*):)?([^:]*)$/.exec(base);
  if (!match) throw refuse(`invalid port specification: "${text}"`);
  const address = match[1] ?? match[2] ?? "";
  const host = match[3] ?? "";
  const inner = match[4] ?? "";
  if (inner === "") throw refuse(`no port specified: ${text}<empty>`);
  if (address !== "" && !isAddress(address)) throw refuse(`invalid IP address: ${address}`);
  const container = parseRange(inner);
  if (!container) throw refuse(`invalid containerPort: ${inner}`);
  const outer = host === "" ? undefined : parseRange(host);
  if (host !== "" && !outer) throw refuse(`invalid hostPort: ${host}`);
  const count = container.last - container.first;
  const spread = outer !== undefined && outer.last - outer.first !== count;
  if (outer && spread && count > 0) {
    throw refuse(`invalid ranges specified for container and host Ports: ${inner} and ${host}`);
  }
  return ports(container).map((port, index) => {
    let hostPort = "";
    if (outer) hostPort = spread ? `${outer.first}-${outer.last}` : `${outer.first + index}`;
    return [`${port}/${protocol}`, { HostIp: address, HostPort: hostPort }];
  });
}

function splitProtocol(text: string): { base: string; protocol: string } {
  const slash = text.lastIndexOf("/");
  if (slash < 0) return { base: text, protocol: "tcp" };
  const protocol = text.slice(slash + 1).toLowerCase() || "tcp";
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw refuse(`invalid proto: ${protocol}`);
  return { base: text.slice(0, slash), protocol };
}

interface Range {
  first: number;
  last: number;
}

function parseRange(text: string): Range | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (!match) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  return last >= first && last <= 65535 ? { first, last } : undefined;
}

function ports({ first, last }: Range): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
