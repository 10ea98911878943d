import type { SystemUsage } from "../../api/usage.ts";
import { defineCommand } from "../../cli/command.ts";
import { formatList, type Row } from "../../cli/format.ts";
import { exitCodes } from "../../cli/report.ts";
import { formatSize } from "../../cli/size.ts";
import { openEngine } from "../../client/open.ts";
import { SystemClient } from "../../client/system.ts";
import { formatDetails } from "./details.ts";

export const df = defineCommand({
  name: "df",
  summary: "Show what images, containers and volumes take of the disk",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    format: {
      kind: "string",
      summary: 'Format output: "table", "table TEMPLATE", "json", TEMPLATE',
    },
    verbose: { kind: "bool", short: "v", summary: "Show detailed information on space usage" },
  },
  async run({ flags: { format, verbose }, target, stdout }) {
    const usage = await new SystemClient(openEngine(target).transport).usage(verbose);
    stdout.print(
      verbose
        ? formatDetails(usage, format)
        : formatList(toRows(usage), { format, quiet: false, table, headers }),
    );
    return exitCodes.ok;
  },
});

const table = "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";
const headers = {
  ...{ Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE" },
  Reclaimable: "RECLAIMABLE",
};

const none = { ActiveCount: 0, TotalCount: 0, Reclaimable: 0, TotalSize: 0 };

/** One row for each kind; fields in the order of Docker's JSON, which sorts them. */
export function toRows(usage: SystemUsage): Row[] {
  return [
    toRow("Images", usage.ImageUsage),
    toRow("Containers", usage.ContainerUsage),
    toRow("Local Volumes", usage.VolumeUsage),
    toRow("Build Cache", usage.BuildCacheUsage),
  ];
}

function toRow(Type: string, { ActiveCount, TotalCount, Reclaimable, TotalSize } = none): Row {
  const share = TotalSize > 0 ? ` (${Math.floor((Reclaimable * 100) / TotalSize)}%)` : "";
  return {
    Active: String(ActiveCount),
    Reclaimable: `${formatSize(Reclaimable)}${share}`,
    Size: formatSize(TotalSize),
    TotalCount: String(TotalCount),
    Type,
  };
}
