import { defineCommand } from "../../cli/command.ts";
import { UsageError } from "../../cli/flags.ts";
import { exitCodes } from "../../cli/report.ts";
import { formatSize } from "../../cli/size.ts";
import { openEngine } from "../../client/open.ts";
import { Volumes } from "../../client/volumes.ts";
import { confirm } from "../confirm.ts";
import { parseFilters } from "../filters.ts";

export const prune = defineCommand({
  name: "prune",
  summary: "Remove unused local volumes",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    all: {
      kind: "bool",
      short: "a",
      summary: "Remove all unused volumes, not just anonymous ones",
    },
    filter: { kind: "list", summary: 'Provide filter values (e.g. "label=<label>")' },
    force: { kind: "bool", short: "f", summary: "Do not prompt for confirmation" },
  },
  async run({ flags, target, stdout }) {
    const filters = parseFilters(flags.filter);
    if (flags.all && filters.all !== undefined)
      throw new UsageError("conflicting options: cannot specify both --all and --filter all=1");
    if (flags.all) filters.all = ["true"];
    const which = filters.all === undefined ? "anonymous local" : "all local";
    const warning = `WARNING! This will remove ${which} volumes not used by at least one container.`;
    if (!flags.force && !(await confirm(stdout, warning))) return exitCodes.ok;
    const removed = await new Volumes(openEngine(target).transport).prune(filters);
    const names = removed.VolumesDeleted ?? [];
    if (names.length > 0) stdout.print(`Deleted Volumes:\n${names.join("\n")}\n\n`);
    stdout.line(`Total reclaimed space: ${formatSize(removed.SpaceReclaimed ?? 0)}`);
    return exitCodes.ok;
  },
});
