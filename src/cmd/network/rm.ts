import { defineCommand } from "../../cli/command.ts";
import { Networks } from "../../client/networks.ts";
import { openEngine } from "../../client/open.ts";
import { EngineError } from "../../errors.ts";
import { runBatch } from "../batch.ts";

export const rm = defineCommand({
  name: "rm",
  summary: "Remove one or more networks",
  usage: "NETWORK [NETWORK...]",
  arity: { min: 1 },
  completes: "networks",
  flags: {
    force: {
      kind: "bool",
      short: "f",
      summary: "Do not error if the network does not exist",
    },
  },
  async run(context) {
    const networks = new Networks(openEngine(context.target).transport);
    return await runBatch(context, context.args, async (name) => {
      try {
        await networks.remove(name);
        return name;
      } catch (error) {
        const absent = error instanceof EngineError && error.code === "not_found";
        if (absent && context.flags.force) return "";
        throw error;
      }
    });
  },
});
