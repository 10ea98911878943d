import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { formatColumns } from "../cli/table.ts";
import { MetricsClient } from "../client/metrics.ts";
import { openEngine } from "../client/open.ts";

export const top = defineCommand({
  name: "top",
  summary: "Display the running processes of a container",
  usage: "CONTAINER [ps OPTIONS]",
  arity: { min: 1 },
  stopAtPositional: true,
  completes: "containers",
  flags: {},
  async run({ args: [container = "", ...options], target, stdout }) {
    const client = new MetricsClient(openEngine(target).transport);
    const { Titles, Processes } = await client.top(container, options.join(" "));
    const lines = [Titles, ...(Processes ?? [])].map((cells) => `${cells.join("\t")}\n`);
    stdout.print(formatColumns(lines.join(""), { minWidth: 20, padding: 3 }));
    return exitCodes.ok;
  },
});
