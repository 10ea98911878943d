import { defineCommand } from "../cli/command.ts";
import { openEngine } from "../client/open.ts";
import { runBatch } from "./batch.ts";

export const kill = defineCommand({
  name: "kill",
  summary: "Kill one or more running containers",
  usage: "CONTAINER [CONTAINER...]",
  arity: { min: 1 },
  completes: "containers",
  flags: {
    signal: { kind: "string", short: "s", summary: "Signal to send to the container (KILL)" },
  },
  async run(context) {
    const engine = openEngine(context.target);
    return await runBatch(context, context.args, async (id) => {
      await engine.killContainer(id, context.flags.signal || undefined);
      return id;
    });
  },
});
