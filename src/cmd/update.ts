import { defineCommand } from "../cli/command.ts";
import { UsageError } from "../cli/flags.ts";
import { type ContainerChanges, LifecycleClient } from "../client/lifecycle.ts";
import { openEngine } from "../client/open.ts";
import { runBatch } from "./batch.ts";
import { cut, refuse } from "./request/parts.ts";

export const update = defineCommand({
  name: "update",
  summary: "Update configuration of one or more containers",
  usage: "CONTAINER [CONTAINER...]",
  arity: { min: 1 },
  completes: "containers",
  flags: {
    restart: { kind: "string", summary: "Restart policy to apply when a container exits" },
  },
  async run(context) {
    const { restart } = context.flags;
    if (restart === undefined)
      throw new UsageError("you must provide one or more flags when using this command");
    const changes = { RestartPolicy: parsePolicy(restart) };
    const client = new LifecycleClient(openEngine(context.host).transport);
    return await runBatch(context, context.args, async (id) => {
      for (const warning of await client.update(id, changes)) context.stderr.line(warning);
      return id;
    });
  },
});

/** Here "no" is a change too. */
function parsePolicy(text: string): NonNullable<ContainerChanges["RestartPolicy"]> {
  const [name, count] = cut(text, ":");
  if (count !== "" && !/^\d+$/.test(count))
    throw refuse("invalid restart policy format: maximum retry count must be an integer");
  return { Name: name as "no", MaximumRetryCount: Number(count) };
}
