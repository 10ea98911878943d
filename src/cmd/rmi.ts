import { defineCommand } from "../cli/command.ts";
import { exitCodeOf, exitCodes, formatError } from "../cli/report.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";

export const rmi = defineCommand({
  name: "rmi",
  summary: "Remove one or more images",
  usage: "IMAGE [IMAGE...]",
  arity: { min: 1 },
  completes: "images",
  flags: {
    force: { kind: "bool", short: "f", summary: "Force removal of the image" },
    "no-prune": { kind: "bool", summary: "Do not delete untagged parents" },
  },
  async run({ flags, args, target, program, stdout, stderr }) {
    const engine = openEngine(target);
    const failures: unknown[] = [];
    // In turn: the names may belong to one image.
    for (const name of args) {
      try {
        const options = { force: flags.force, noPrune: flags["no-prune"] };
        for (const { Deleted, Untagged } of await engine.removeImage(name, options)) {
          stdout.line(Deleted ? `Deleted: ${Deleted}` : `Untagged: ${Untagged ?? ""}`);
        }
      } catch (error) {
        failures.push(error);
      }
    }
    for (const failure of failures) stderr.line(formatError(failure, program));
    const fatal = failures.find((failure) => !flags.force || !isNotFound(failure));
    return fatal === undefined ? exitCodes.ok : exitCodeOf(fatal);
  },
});

function isNotFound(error: unknown): boolean {
  return error instanceof EngineError && error.code === "not_found";
}
