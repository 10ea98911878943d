import type { ContainerSummary } from "../../api/types.ts";

type Port = NonNullable<ContainerSummary["Ports"]>[number];

interface Group {
  first: number;
  last: number;
}

/** "0.0.0.0:8080->80/tcp, 443/tcp, 9000-9002/tcp": neighbours that map to themselves are joined. */
export function formatPorts(ports: readonly Port[]): string {
  const groups = new Map<string, Group>();
  const done: string[] = [];
  const mapped: string[] = [];
  for (const port of [...ports].sort(byPort)) {
    const { PrivatePort, PublicPort = 0, Type } = port;
    const address = port.IP ?? "";
    if (address !== "" && PublicPort !== PrivatePort) {
      mapped.push(`${join(address, String(PublicPort))}->${PrivatePort}/${Type}`);
      continue;
    }
    const key = address === "" ? `${Type}` : `${address}/${Type}`;
    const group = groups.get(key);
    if (group && PrivatePort === group.last + 1) group.last = PrivatePort;
    else {
      if (group) done.push(formatGroup(key, group));
      groups.set(key, { first: PrivatePort, last: PrivatePort });
    }
  }
  for (const [key, group] of groups) done.push(formatGroup(key, group));
  return [...done, ...mapped].join(", ");
}

function formatGroup(key: string, { first, last }: Group): string {
  const slash = key.lastIndexOf("/");
  const range = first === last ? `${first}` : `${first}-${last}`;
  if (slash < 0) return `${range}/${key}`;
  return `${join(key.slice(0, slash), range)}->${range}/${key.slice(slash + 1)}`;
}

function join(address: string, port: string): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function byPort(a: Port, b: Port): number {
  return (
    a.PrivatePort - b.PrivatePort ||
    compare(a.IP ?? "", b.IP ?? "") ||
    (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
    compare(a.Type ?? "", b.Type ?? "")
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
