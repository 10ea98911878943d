import { defineCommand } from "../cli/command.ts";
import { openEngine } from "../client/open.ts";
import { runBatch } from "./batch.ts";

export const stop = defineCommand({
  name: "stop",
  summary: "Stop one or more running containers",
  usage: "CONTAINER [CONTAINER...]",
  arity: { min: 1 },
  completes: "containers",
  flags: {
    signal: { kind: "string", short: "s", summary: "Signal to send to the container" },
    timeout: {
      kind: "int",
      short: "t",
      alias: "time",
      summary: "Seconds to wait before killing the container",
    },
  },
  async run(context) {
    const { signal, timeout } = context.flags;
    const engine = openEngine(context.target);
    return await runBatch(context, context.args, async (id) => {
      await engine.stopContainer(id, { signal, timeout });
      return id;
    });
  },
});
