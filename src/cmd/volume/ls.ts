import type { Volume } from "../../api/types.ts";
import { defineCommand } from "../../cli/command.ts";
import { formatList, type Row } from "../../cli/format.ts";
import { exitCodes } from "../../cli/report.ts";
import { openEngine } from "../../client/open.ts";
import { Volumes } from "../../client/volumes.ts";
import { parseFilters } from "../filters.ts";
import { compareNatural } from "../natural.ts";

export const ls = defineCommand({
  name: "ls",
  summary: "List volumes",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    filter: { kind: "list", short: "f", summary: 'Provide filter values (e.g. "dangling=true")' },
    format: {
      kind: "string",
      summary: 'Format output: "table", "table TEMPLATE", "json", TEMPLATE',
    },
    quiet: { kind: "bool", short: "q", summary: "Only display volume names" },
  },
  async run({ flags, target, stdout }) {
    const volumes = new Volumes(openEngine(target).transport);
    const listed = await volumes.list(parseFilters(flags.filter));
    const rows = (listed.Volumes ?? [])
      .toSorted((a, b) => compareNatural(a.Name, b.Name))
      .map(toRow);
    const { format, quiet } = flags;
    const table = "{{.Driver}}\t{{.Name}}";
    stdout.print(formatList(rows, { format, quiet, table, headers, quietFormat: "{{.Name}}" }));
    return exitCodes.ok;
  },
});

export const headers = {
  Driver: "DRIVER",
  Labels: "LABELS",
  Links: "LINKS",
  Mountpoint: "MOUNTPOINT",
  Name: "VOLUME NAME",
  Scope: "SCOPE",
  Size: "SIZE",
};

/** Fields in the order of Docker's JSON, which sorts them. */
export function toRow(volume: Volume): Row {
  const labels = volume.Labels ?? {};
  return {
    Availability: "N/A",
    Driver: volume.Driver,
    Group: "N/A",
    Label: (name) => labels[name] ?? "",
    Labels: Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join(","),
    Links: "N/A",
    Mountpoint: volume.Mountpoint,
    Name: volume.Name,
    Scope: volume.Scope,
    Size: "N/A",
    Status: "N/A",
  };
}
