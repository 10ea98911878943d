import type { ImageSummary } from "../api/types.ts";
import { defineCommand } from "../cli/command.ts";
import { formatList, type Row } from "../cli/format.ts";
import { exitCodes } from "../cli/report.ts";
import { formatSize } from "../cli/size.ts";
import { formatAge, formatTime } from "../cli/time.ts";
import { openEngine } from "../client/open.ts";
import { parseFilters } from "./filters.ts";
import { parseImageName } from "./image/name.ts";

export const images = defineCommand({
  name: "images",
  summary: "List images",
  usage: "[REPOSITORY[:TAG]]",
  arity: { min: 0, max: 1 },
  completes: "images",
  flags: {
    all: { kind: "bool", short: "a", summary: "Show all images (default hides intermediate ones)" },
    digests: { kind: "bool", summary: "Show digests" },
    filter: { kind: "list", short: "f", summary: "Filter output based on conditions provided" },
    format: {
      kind: "string",
      summary: 'Format output: "table", "table TEMPLATE", "json", TEMPLATE',
    },
    "no-trunc": { kind: "bool", summary: "Don't truncate output" },
    quiet: { kind: "bool", short: "q", summary: "Only show image IDs" },
  },
  async run({ flags, args, target, stdout, stderr, program }) {
    const filters = parseFilters(flags.filter);
    const [reference] = args;
    if (reference !== undefined) filters.reference = [...(filters.reference ?? []), reference];
    const sharedSize = /\.(Shared|Unique)Size\b/.test(flags.format ?? "");
    const images = await openEngine(target).images({ all: flags.all, filters, sharedSize });
    const withDigests = flags.digests || /\.Digest\b/.test(flags.format ?? "");
    const rows = images.flatMap((image) => toRows(image, !flags["no-trunc"], withDigests));
    const { format, quiet } = flags;
    stdout.print(formatList(rows, { format, quiet, table: buildTable(flags.digests), headers }));
    if (images.length === 0 && reference !== undefined && verbs.includes(reference)) {
      stderr.print(
        `\nNo images found matching "${reference}": did you mean "${program} image ${reference}"?\n`,
      );
    }
    return exitCodes.ok;
  },
});

/** Words that belong after `image`, not `images`. */
const verbs = [
  "history",
  "import",
  "inspect",
  "list",
  "load",
  "ls",
  "prune",
  "pull",
  "rm",
  "save",
  "tag",
];

export const headers = {
  ID: "IMAGE ID",
  Repository: "REPOSITORY",
  Tag: "TAG",
  Digest: "DIGEST",
  CreatedSince: "CREATED",
  CreatedAt: "CREATED AT",
  Size: "SIZE",
  Containers: "CONTAINERS",
  VirtualSize: "SIZE",
  SharedSize: "SHARED SIZE",
  UniqueSize: "UNIQUE SIZE",
};

function buildTable(digests: boolean): string {
  const names = ["Repository", "Tag", ...(digests ? ["Digest"] : []), "ID", "CreatedSince", "Size"];
  return names.map((name) => `{{.${name}}}`).join("\t");
}

/** One row for each name of an image, and for each digest of it when these are shown. */
export function toRows(image: ImageSummary, truncate: boolean, withDigests: boolean): Row[] {
  const tags = group(image.RepoTags, ":");
  const digests = group(image.RepoDigests, "@");
  if (tags.size === 0 && digests.size === 0) {
    return [toRow(image, truncate, "<none>", "<none>", "<none>")];
  }
  const rows: Row[] = [];
  for (const [name, ofName] of tags) {
    const known = withDigests ? (digests.get(name) ?? []) : [];
    for (const tag of ofName) {
      const shown = known.length > 0 ? known : ["<none>"];
      for (const digest of shown) rows.push(toRow(image, truncate, name, tag, digest));
    }
  }
  for (const [name, ofName] of digests) {
    if (tags.has(name)) continue;
    const shown = withDigests ? ofName : [""];
    for (const digest of shown) rows.push(toRow(image, truncate, name, "<none>", digest));
  }
  return rows;
}

/** Names without the placeholders of an untagged image, by repository. */
function group(names: string[] | undefined, separator: string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const text of names ?? []) {
    if (text.startsWith("<none>")) continue;
    const at = text.lastIndexOf(separator);
    const { name } = parseImageName(text.slice(0, at));
    groups.set(name, [...(groups.get(name) ?? []), text.slice(at + 1)]);
  }
  return groups;
}

export function toRow(
  image: ImageSummary,
  truncate: boolean,
  repository: string,
  tag: string,
  digest: string,
): Row {
  const { Created, Size, SharedSize } = image;
  const known = (bytes: number) => (bytes < 0 ? "N/A" : formatSize(bytes));
  return {
    Containers: image.Containers < 0 ? "N/A" : String(image.Containers),
    CreatedAt: formatTime(Created),
    CreatedSince: `${formatAge(Date.now() / 1000 - Created)} ago`,
    Digest: digest,
    ID: truncate ? image.Id.replace(/^sha256:/, "").slice(0, 12) : image.Id,
    Repository: repository,
    SharedSize: known(SharedSize),
    Size: formatSize(Size, 3),
    Tag: tag,
    UniqueSize: SharedSize < 0 ? "N/A" : known(Size - SharedSize),
    VirtualSize: formatSize(Size),
  };
}
