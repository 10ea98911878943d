import type { EndpointSettings } from "../../api/types.ts";
import { defineCommand } from "../../cli/command.ts";
import type { FlagTable, FlagValues } from "../../cli/flags.ts";
import { exitCodes } from "../../cli/report.ts";
import { Networks } from "../../client/networks.ts";
import { openEngine } from "../../client/open.ts";
import { parseLink } from "../request/attachment.ts";
import { splitCsv } from "../request/mounts.ts";
import { compact, cut, refuse } from "../request/parts.ts";

const flags = {
  alias: { kind: "list", summary: "Add network-scoped alias for the container" },
  "driver-opt": { kind: "list", summary: "Driver options for the network" },
  "gw-priority": {
    kind: "int",
    summary: "The network of highest priority provides the default gateway; may be negative",
  },
  ip: { kind: "string", summary: 'IPv4 address (e.g., "172.30.100.104")' },
  ip6: { kind: "string", summary: 'IPv6 address (e.g., "2001:db8::33")' },
  link: { kind: "list", summary: "Add link to another container" },
  "link-local-ip": { kind: "list", summary: "Add a link-local address for the container" },
} as const satisfies FlagTable;

export const connect = defineCommand({
  name: "connect",
  summary: "Connect a container to a network",
  usage: "NETWORK CONTAINER",
  arity: { min: 2, max: 2 },
  completes: ["networks", "containers"],
  flags,
  async run({ flags: given, args, target }) {
    const [network = "", container = ""] = args;
    const EndpointConfig = buildEndpoint(given);
    const networks = new Networks(openEngine(target).transport);
    await networks.connect(network, { Container: container, EndpointConfig });
    return exitCodes.ok;
  },
});

export function buildEndpoint(given: FlagValues<typeof flags>): EndpointSettings {
  return compact<EndpointSettings>({
    IPAMConfig: compact({
      IPv4Address: given.ip,
      IPv6Address: given.ip6,
      LinkLocalIPs: given["link-local-ip"].flatMap(splitCsv),
    }),
    Links: given.link.map(parseLink),
    Aliases: given.alias.flatMap(splitCsv),
    DriverOpts: Object.fromEntries(given["driver-opt"].flatMap(splitCsv).map(parseOption)),
    GwPriority: given["gw-priority"] || undefined,
  });
}

function parseOption(text: string): [string, string] {
  const [name, value] = cut(text, "=");
  if (name.trim() === "" || !text.includes("="))
    throw refuse("invalid key/value pair format in driver options");
  return [name.trim(), value.trim()];
}
