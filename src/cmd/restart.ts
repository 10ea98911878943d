import { defineCommand } from "../cli/command.ts";
import { LifecycleClient } from "../client/lifecycle.ts";
import { openEngine } from "../client/open.ts";
import { runBatch } from "./batch.ts";

export const restart = defineCommand({
  name: "restart",
  summary: "Restart one or more containers",
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
    const client = new LifecycleClient(openEngine(context.target).transport);
    return await runBatch(context, context.args, async (id) => {
      await client.restart(id, { signal, timeout });
      return id;
    });
  },
});
