import { defineCommand } from "../../cli/command.ts";
import { openEngine } from "../../client/open.ts";
import { Volumes } from "../../client/volumes.ts";
import { runBatch } from "../batch.ts";

export const rm = defineCommand({
  name: "rm",
  summary: "Remove one or more volumes",
  usage: "VOLUME [VOLUME...]",
  arity: { min: 1 },
  completes: "volumes",
  flags: {
    force: { kind: "bool", short: "f", summary: "Force the removal of one or more volumes" },
  },
  async run(context) {
    const volumes = new Volumes(openEngine(context.target).transport);
    return await runBatch(context, context.args, async (name) => {
      await volumes.remove(name, context.flags.force);
      return name;
    });
  },
});
