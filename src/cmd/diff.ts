import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { FilesClient } from "../client/files.ts";
import { openEngine } from "../client/open.ts";

const letters = ["C", "A", "D"];

export const diff = defineCommand({
  name: "diff",
  summary: "Inspect changes to files or directories on a container's filesystem",
  usage: "CONTAINER",
  arity: { min: 1, max: 1 },
  completes: "containers",
  flags: {},
  async run({ args, target, stdout }) {
    const [id = ""] = args;
    const client = new FilesClient(openEngine(target).transport);
    for (const { Path, Kind } of await client.changes(id))
      stdout.line(`${letters[Kind] ?? "?"} ${Path}`);
    return exitCodes.ok;
  },
});
