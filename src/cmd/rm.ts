import { defineCommand } from "../cli/command.ts";
import { formatError } from "../cli/report.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";
import { runBatch } from "./batch.ts";

export const rm = defineCommand({
  name: "rm",
  summary: "Remove one or more containers",
  usage: "CONTAINER [CONTAINER...]",
  arity: { min: 1 },
  completes: "containers",
  flags: {
    force: { kind: "bool", short: "f", summary: "Force the removal of a running container" },
    link: { kind: "bool", short: "l", summary: "Remove the specified link" },
    volumes: { kind: "bool", short: "v", summary: "Remove anonymous volumes of the container" },
  },
  async run(context) {
    const { force, link, volumes } = context.flags;
    const engine = openEngine(context.target);
    return await runBatch(context, context.args, async (name) => {
      const id = name.replace(/^\/+|\/+$/g, "");
      if (id === "") {
        throw new EngineError("invalid_argument", "container name cannot be empty");
      }
      try {
        await engine.removeContainer(id, { force, link, volumes });
        return name;
      } catch (error) {
        // With --force what is absent is no failure, but is said.
        if (!force || !(error instanceof EngineError) || error.code !== "not_found") throw error;
        context.stderr.line(formatError(error, context.program));
        return "";
      }
    });
  },
});
