import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { formatSize } from "../cli/size.ts";
import { LifecycleClient } from "../client/lifecycle.ts";
import { openEngine } from "../client/open.ts";
import { confirm } from "./confirm.ts";
import { parseFilters } from "./filters.ts";

export const pruneContainers = defineCommand({
  name: "prune",
  summary: "Remove all stopped containers",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    filter: { kind: "list", summary: 'Provide filter values (e.g. "until=<timestamp>")' },
    force: { kind: "bool", short: "f", summary: "Do not prompt for confirmation" },
  },
  async run({ flags, target, stdout }) {
    const question = "WARNING! This will remove all stopped containers.";
    if (!flags.force && !(await confirm(stdout, question))) return exitCodes.ok;
    const client = new LifecycleClient(openEngine(target).transport);
    const report = await client.prune(parseFilters(flags.filter));
    if (report.ContainersDeleted.length > 0) {
      stdout.line("Deleted Containers:");
      for (const id of report.ContainersDeleted) stdout.line(id);
      stdout.line("");
    }
    stdout.line(`Total reclaimed space: ${formatSize(report.SpaceReclaimed, 4)}`);
    return exitCodes.ok;
  },
});
