import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";
import { compareNatural } from "./natural.ts";

export const port = defineCommand({
  name: "port",
  summary: "List port mappings or a specific mapping for the container",
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  arity: { min: 1, max: 2 },
  completes: "containers",
  flags: {},
  async run({ args, target, stdout }) {
    const [id = "", asked] = args;
    const { NetworkSettings } = await openEngine(target).inspectContainer(id);
    const ports: PortMap = NetworkSettings?.Ports ?? {};
    if (asked === undefined) {
      for (const line of listPorts(ports)) stdout.line(line);
      return exitCodes.ok;
    }
    for (const each of findPort(ports, asked, id)) stdout.line(each);
    return exitCodes.ok;
  },
});

export type PortMap = Record<string, { HostIp?: string; HostPort?: string }[] | null>;

/** "80/tcp -> 0.0.0.0:8080", in the order of the lines. */
export function listPorts(ports: PortMap): string[] {
  return Object.entries(ports)
    .flatMap(([name, bindings]) => formatBindings(bindings).map((text) => `${name} -> ${text}`))
    .sort(compareNatural);
}

/** Where one port is published. Throws in Docker's words. */
export function findPort(ports: PortMap, asked: string, id: string): string[] {
  const [number = "", protocol = "tcp"] = asked.split("/");
  const value = Number(number);
  if (!/^\d{1,5}$/.test(number) || value < 1 || value > 65_535)
    throw new EngineError("invalid_argument", `invalid port: ${asked}`);
  const found = formatBindings(ports[`${value}/${protocol.toLowerCase()}`]);
  if (found.length === 0)
    throw new EngineError("not_found", `Error: No public port '${asked}' published for ${id}`);
  return found;
}

function formatBindings(bindings: PortMap[string] | undefined): string[] {
  const lines = (bindings ?? []).map(({ HostIp = "", HostPort = "" }) =>
    HostIp.includes(":") ? `[${HostIp}]:${HostPort}` : `${HostIp}:${HostPort}`,
  );
  return lines.sort(compareNatural);
}
