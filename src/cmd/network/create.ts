import { defineCommand } from "../../cli/command.ts";
import { exitCodes } from "../../cli/report.ts";
import { Networks } from "../../client/networks.ts";
import { openEngine } from "../../client/open.ts";
import { splitCsv } from "../request/mounts.ts";
import { compact, toMap } from "../request/parts.ts";
import { buildIpam } from "./ipam.ts";

export const create = defineCommand({
  name: "create",
  summary: "Create a network",
  usage: "NETWORK",
  arity: { min: 1, max: 1 },
  flags: {
    attachable: { kind: "bool", summary: "Enable manual container attachment" },
    "aux-address": { kind: "list", summary: "Addresses that no container is given (NAME=ADDRESS)" },
    "config-from": {
      kind: "string",
      summary: "The network from which to copy the configuration",
      completes: "networks",
    },
    "config-only": { kind: "bool", summary: "Create a configuration only network" },
    driver: {
      kind: "string",
      short: "d",
      default: "bridge",
      summary: "Driver to manage the network",
      choices: ["bridge", "ipvlan", "macvlan"],
    },
    gateway: { kind: "list", summary: "IPv4 or IPv6 gateway for the subnet" },
    ingress: { kind: "bool", summary: "Create swarm routing-mesh network" },
    internal: { kind: "bool", summary: "Restrict external access to the network" },
    "ip-range": { kind: "list", summary: "Allocate container ip from a sub-range" },
    "ipam-driver": {
      kind: "string",
      default: "default",
      summary: "IP address management driver",
      choices: ["default", "null"],
    },
    "ipam-opt": { kind: "list", summary: "Set IPAM driver specific options" },
    ipv4: { kind: "bool", default: "true", summary: "Enable or disable IPv4 address assignment" },
    ipv6: { kind: "bool", summary: "Enable or disable IPv6 address assignment" },
    label: { kind: "list", summary: "Set metadata on a network" },
    opt: { kind: "list", short: "o", summary: "Set driver specific options" },
    scope: { kind: "string", summary: "Control the network's scope" },
    subnet: { kind: "list", summary: "Subnet in CIDR format that represents a network segment" },
  },
  async run({ flags, given, args, target, stdout, stderr }) {
    const [name = ""] = args;
    const ipam = buildIpam({
      driver: flags["ipam-driver"] ?? "",
      options: toMap(flags["ipam-opt"], "--ipam-opt"),
      subnets: flags.subnet.flatMap(splitCsv),
      ranges: flags["ip-range"].flatMap(splitCsv),
      gateways: flags.gateway.flatMap(splitCsv),
      auxiliary: toMap(flags["aux-address"], "--aux-address"),
    });
    const from = flags["config-from"];
    const { Id, Warning } = await new Networks(openEngine(target).transport).create({
      Name: name,
      Driver: flags.driver ?? "",
      IPAM: ipam,
      Options: toMap(flags.opt, "--opt"),
      Labels: toMap(flags.label, "--label"),
      ...(given.has("ipv4") ? { EnableIPv4: flags.ipv4 } : {}),
      ...(given.has("ipv6") ? { EnableIPv6: flags.ipv6 } : {}),
      ...(from ? { ConfigFrom: { Network: from } } : {}),
      ...compact({
        Attachable: flags.attachable,
        ConfigOnly: flags["config-only"],
        Ingress: flags.ingress,
        Internal: flags.internal,
        Scope: flags.scope ?? "",
      }),
    });
    if (Warning) stderr.line(`WARNING: ${Warning}`);
    stdout.line(Id);
    return exitCodes.ok;
  },
});
