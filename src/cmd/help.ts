import { defineCommand, isGroup } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { printCommandHelp, printGroupHelp, printProgramHelp } from "../cli/usage.ts";
import { EngineError } from "../errors.ts";
import { commands } from "./table.ts";

export const help = defineCommand({
  name: "help",
  summary: "Show how a command is used",
  usage: "[COMMAND...]",
  arity: { min: 0, max: 2 },
  flags: {},
  async run(context) {
    const [first, second] = context.args;
    const program = { name: context.program, table: commands };
    if (first === undefined) {
      await printProgramHelp(program, context);
      return exitCodes.ok;
    }
    const outer = Object.hasOwn(commands, first) ? commands[first] : undefined;
    if (outer && isGroup(outer) && second === undefined) {
      await printGroupHelp(program, context, first, outer);
      return exitCodes.ok;
    }
    const entry = outer && isGroup(outer) ? outer.commands[second ?? ""] : outer;
    if (!entry || isGroup(entry)) {
      const words = context.args.join(" ");
      throw new EngineError("invalid_argument", `unknown help topic: ${words}`, {
        hint: `see '${context.program} help' for the list of commands`,
      });
    }
    const name = context.args.slice(0, outer && isGroup(outer) ? 2 : 1).join(" ");
    await printCommandHelp(context, { name, command: await entry.load() });
    return exitCodes.ok;
  },
});
