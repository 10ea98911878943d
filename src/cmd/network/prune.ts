import { defineCommand } from "../../cli/command.ts";
import { exitCodes } from "../../cli/report.ts";
import { Networks } from "../../client/networks.ts";
import { openEngine } from "../../client/open.ts";
import { confirm } from "../confirm.ts";
import { parseFilters } from "../filters.ts";

export const prune = defineCommand({
  name: "prune",
  summary: "Remove all unused networks",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    filter: { kind: "list", summary: 'Provide filter values (e.g. "until=<timestamp>")' },
    force: { kind: "bool", short: "f", summary: "Do not prompt for confirmation" },
  },
  async run({ flags, target, stdout }) {
    const filters = parseFilters(flags.filter);
    const warning =
      "WARNING! This will remove all custom networks not used by at least one container.";
    if (!flags.force && !(await confirm(stdout, warning))) return exitCodes.ok;
    const removed = await new Networks(openEngine(target).transport).prune(filters);
    const names = removed.NetworksDeleted ?? [];
    if (names.length > 0) stdout.print(`Deleted Networks:\n${names.join("\n")}\n\n`);
    return exitCodes.ok;
  },
});
