import type { NetworkSummary } from "../../api/networks.ts";
import { defineCommand } from "../../cli/command.ts";
import { formatList, type Row } from "../../cli/format.ts";
import { exitCodes } from "../../cli/report.ts";
import { Networks } from "../../client/networks.ts";
import { openEngine } from "../../client/open.ts";
import { parseFilters } from "../filters.ts";
import { compareNatural } from "../natural.ts";

export const ls = defineCommand({
  name: "ls",
  summary: "List networks",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    filter: { kind: "list", short: "f", summary: 'Provide filter values (e.g. "driver=bridge")' },
    format: {
      kind: "string",
      summary: 'Format output: "table", "table TEMPLATE", "json", TEMPLATE',
    },
    "no-trunc": { kind: "bool", summary: "Do not truncate the output" },
    quiet: { kind: "bool", short: "q", summary: "Only display network IDs" },
  },
  async run({ flags, target, stdout }) {
    const networks = new Networks(openEngine(target).transport);
    const rows = (await networks.list(parseFilters(flags.filter)))
      .toSorted((a, b) => compareNatural(a.Name, b.Name))
      .map((network) => toRow(network, !flags["no-trunc"]));
    const { format, quiet } = flags;
    const table = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}";
    stdout.print(formatList(rows, { format, quiet, table, headers }));
    return exitCodes.ok;
  },
});

export const headers = {
  CreatedAt: "CREATED AT",
  Driver: "DRIVER",
  ID: "NETWORK ID",
  IPv4: "IPV4",
  IPv6: "IPV6",
  Internal: "INTERNAL",
  Labels: "LABELS",
  Name: "NAME",
  Scope: "SCOPE",
};

/** Fields in the order of Docker's JSON, which sorts them. */
export function toRow(network: NetworkSummary, truncate: boolean): Row {
  const labels = network.Labels ?? {};
  const { Id: id } = network;
  return {
    CreatedAt: formatCreated(network.Created),
    Driver: network.Driver,
    ID: truncate ? id.slice(0, 12) : id,
    IPv4: String(network.EnableIPv4 ?? true),
    IPv6: String(network.EnableIPv6),
    Internal: String(network.Internal),
    Label: (name) => labels[name] ?? "",
    Labels: Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join(","),
    Name: network.Name,
    Scope: network.Scope,
  };
}

/** As Go prints a time: "2026-01-02 03:04:05.123456789 +0000 UTC"; another zone has but its offset. */
function formatCreated(text: string): string {
  const match = /^(\S+)T([\d:]+)(\.\d+?)?0*(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return text;
  const [, date, time, fraction = "", zone = "Z"] = match;
  const offset = zone === "Z" ? "+0000" : zone.replace(":", "");
  return `${date} ${time}${fraction} ${offset} ${zone === "Z" ? "UTC" : offset}`;
}
