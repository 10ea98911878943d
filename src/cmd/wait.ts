import { defineCommand } from "../cli/command.ts";
import { exitCodeOf, exitCodes, formatError } from "../cli/report.ts";
import { openEngine } from "../client/open.ts";

export const wait = defineCommand({
  name: "wait",
  summary: "Block until one or more containers stop, then print their exit codes",
  usage: "CONTAINER [CONTAINER...]",
  arity: { min: 1 },
  completes: "containers",
  flags: {},
  async run({ args, target, program, stdout, stderr }) {
    const engine = openEngine(target);
    const failures: unknown[] = [];
    for (const id of args) {
      try {
        const { exit } = await engine.waitContainer(id);
        stdout.line(String((await exit).StatusCode));
      } catch (error) {
        failures.push(error);
      }
    }
    for (const failure of failures) stderr.line(formatError(failure, program));
    return failures.length === 0 ? exitCodes.ok : exitCodeOf(failures[0]);
  },
});
