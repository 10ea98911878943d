import { defineCommand } from "../cli/command.ts";
import { LifecycleClient } from "../client/lifecycle.ts";
import { openEngine } from "../client/open.ts";
import { runBatch } from "./batch.ts";

export const unpause = defineCommand({
  name: "unpause",
  summary: "Unpause all processes within one or more containers",
  usage: "CONTAINER [CONTAINER...]",
  arity: { min: 1 },
  completes: "containers",
  flags: {},
  async run(context) {
    const client = new LifecycleClient(openEngine(context.target).transport);
    return await runBatch(context, context.args, async (id) => {
      await client.unpause(id);
      return id;
    });
  },
});
