import type { HistoryItem } from "../api/types.ts";
import { defineCommand } from "../cli/command.ts";
import { formatList, type Row } from "../cli/format.ts";
import { exitCodes } from "../cli/report.ts";
import { formatSize } from "../cli/size.ts";
import { formatAge } from "../cli/time.ts";
import { ImagesClient } from "../client/images.ts";
import { openEngine } from "../client/open.ts";

export const history = defineCommand({
  name: "history",
  summary: "Show the history of an image",
  usage: "IMAGE",
  arity: { min: 1, max: 1 },
  completes: "images",
  flags: {
    format: {
      kind: "string",
      summary: 'Format output: "table", "table TEMPLATE", "json", TEMPLATE',
    },
    human: {
      ...{ kind: "bool", short: "H", default: "true" },
      summary: "Print sizes and dates in human readable format",
    },
    "no-trunc": { kind: "bool", summary: "Don't truncate output" },
    platform: {
      kind: "string",
      summary: 'Show history for the given platform ("os[/arch[/variant]]")',
    },
    quiet: { kind: "bool", short: "q", summary: "Only show image IDs" },
  },
  async run({ flags, args, target, stdout }) {
    const [name = ""] = args;
    const items = await new ImagesClient(openEngine(target).transport).history(
      name,
      flags.platform,
    );
    const { format, quiet, human } = flags;
    const rows = items.map((item) => toRow(item, human, !flags["no-trunc"]));
    const time = human ? "CreatedSince" : "CreatedAt";
    const table = ["ID", time, "CreatedBy", "Size", "Comment"].map((name) => `{{.${name}}}`);
    stdout.print(formatList(rows, { format, quiet, table: table.join("\t"), headers }));
    return exitCodes.ok;
  },
});

const headers = {
  Comment: "COMMENT",
  CreatedAt: "CREATED AT",
  CreatedBy: "CREATED BY",
  CreatedSince: "CREATED",
  ID: "IMAGE",
  Size: "SIZE",
};

const widest = 45;

/** Fields in the order of Docker's JSON, which sorts them. */
function toRow(item: HistoryItem, human: boolean, truncate: boolean): Row {
  const { Id, Created, Size, Comment } = item;
  const CreatedAt = formatLocal(Created);
  const age = () => (Created > 0 ? `${formatAge(Date.now() / 1000 - Created)} ago` : "N/A");
  const command = item.CreatedBy.replaceAll("\t", " ");
  return {
    Comment,
    CreatedAt,
    CreatedBy: truncate ? ellipsis(command) : command,
    CreatedSince: human ? age() : CreatedAt,
    ID: truncate ? Id.replace(/^sha256:/, "").slice(0, 12) : Id,
    Size: human ? formatSize(Size, 3) : String(Size),
  };
}

function ellipsis(text: string): string {
  const letters = [...text];
  return letters.length <= widest ? text : `${letters.slice(0, widest - 1).join("")}…`;
}

/** RFC 3339 in the local zone: "2024-05-01T12:00:00+02:00". */
function formatLocal(unixSeconds: number): string {
  const offset = -new Date(unixSeconds * 1000).getTimezoneOffset();
  const local = new Date((unixSeconds + offset * 60) * 1000).toISOString().slice(0, 19);
  if (offset === 0) return `${local}Z`;
  const pad = (n: number) => String(Math.trunc(Math.abs(n))).padStart(2, "0");
  return `${local}${offset < 0 ? "-" : "+"}${pad(offset / 60)}:${pad(offset % 60)}`;
}
