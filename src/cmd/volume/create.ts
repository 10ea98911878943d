import { defineCommand } from "../../cli/command.ts";
import { exitCodes } from "../../cli/report.ts";
import { openEngine } from "../../client/open.ts";
import { Volumes } from "../../client/volumes.ts";
import { EngineError } from "../../errors.ts";
import { toMap } from "../request/parts.ts";

export const create = defineCommand({
  name: "create",
  summary: "Create a volume",
  usage: "[VOLUME]",
  arity: { min: 0, max: 1 },
  flags: {
    driver: { kind: "string", short: "d", default: "local", summary: "Specify volume driver name" },
    label: { kind: "list", summary: "Set metadata for a volume" },
    name: { kind: "string", hidden: true, summary: "Specify volume name" },
    opt: { kind: "list", short: "o", summary: "Set driver specific options" },
  },
  async run({ flags, args, target, stdout }) {
    const [name] = args;
    if (name !== undefined && flags.name !== undefined) {
      throw new EngineError(
        "invalid_argument",
        "conflicting options: cannot specify a volume-name through both --name and as a positional arg",
      );
    }
    const volume = await new Volumes(openEngine(target).transport).create({
      Name: name ?? flags.name ?? "",
      Driver: flags.driver ?? "local",
      DriverOpts: toMap(flags.opt, "--opt"),
      Labels: toMap(flags.label, "--label"),
    });
    stdout.line(volume.Name);
    return exitCodes.ok;
  },
});
