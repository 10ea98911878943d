import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { LifecycleClient } from "../client/lifecycle.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";

export const rename = defineCommand({
  name: "rename",
  summary: "Rename a container",
  usage: "CONTAINER NEW_NAME",
  arity: { min: 2, max: 2 },
  completes: "containers",
  flags: {},
  async run({ args, target }) {
    const [from = "", to = ""] = args.map((arg) => arg.trim());
    if (from === "" || to === "")
      throw new EngineError("invalid_argument", "neither old nor new names may be empty");
    await new LifecycleClient(openEngine(target).transport).rename(from, to);
    return exitCodes.ok;
  },
});
