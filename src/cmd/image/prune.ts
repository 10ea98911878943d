import { defineCommand } from "../../cli/command.ts";
import { exitCodes } from "../../cli/report.ts";
import { formatSize } from "../../cli/size.ts";
import { type ImagesPruned, pruneImages } from "../../client/image-prune.ts";
import { openEngine } from "../../client/open.ts";
import { confirm } from "../confirm.ts";
import { parseFilters } from "../filters.ts";

export const prune = defineCommand({
  name: "prune",
  summary: "Remove unused images",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    all: {
      kind: "bool",
      short: "a",
      summary: "Remove all unused images, not just dangling ones",
    },
    filter: { kind: "list", summary: 'Provide filter values (e.g. "until=<timestamp>")' },
    force: { kind: "bool", short: "f", summary: "Do not prompt for confirmation" },
  },
  async run({ flags, target, stdout }) {
    const filters = { ...parseFilters(flags.filter), dangling: [String(!flags.all)] };
    const which = flags.all
      ? "all images without at least one container associated to them"
      : "all dangling images";
    const warning = `WARNING! This will remove ${which}.`;
    if (!flags.force && !(await confirm(stdout, warning))) return exitCodes.ok;
    const report = await pruneImages(openEngine(target).transport, filters);
    stdout.print(describePruned(report));
    stdout.line(`Total reclaimed space: ${formatSize(report.SpaceReclaimed)}`);
    return exitCodes.ok;
  },
});

export function describePruned({ ImagesDeleted }: ImagesPruned): string {
  const lines = (ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
    Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted ?? ""}`,
  );
  return lines.length === 0 ? "" : `Deleted Images:\n${lines.join("\n")}\n\n`;
}
