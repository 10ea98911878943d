import { type ArgsDef, type CommandDef, renderUsage } from "citty";
import { env } from "../env.ts";
import { type CommandGroup, isGroup, type Session } from "./command.ts";
import { globalFlags, type Program } from "./dispatch.ts";
import type { Flag, FlagTable } from "./flags.ts";
import type { Running } from "./report.ts";
import { isTerminal } from "./terminal.ts";

/** Usage text of everything, rendered by citty from the same data that the parser reads. */

export async function printCommandHelp(session: Session, running: Running): Promise<void> {
  const { command, name } = running;
  const definition: CommandDef = {
    meta: { name: `${session.program} ${name}`, description: command.summary },
    args: { ...toArguments(command.flags), ...toPositionals(command.usage) },
  };
  print(session, await renderUsage(definition));
}

export async function printGroupHelp(
  program: Pick<Program, "name">,
  session: Session,
  name: string,
  group: CommandGroup,
): Promise<void> {
  const definition: CommandDef = {
    meta: { name: `${program.name} ${name}`, description: group.summary },
    subCommands: toSubCommands(group.commands),
  };
  print(session, shortenUsage(await renderUsage(definition), group.commands));
}

export async function printProgramHelp(
  program: Pick<Program, "name" | "table">,
  session: Session,
): Promise<void> {
  const definition: CommandDef = {
    meta: {
      name: program.name,
      description: "A whole container engine in one file",
    },
    args: toArguments(globalFlags),
    subCommands: toSubCommands(program.table),
  };
  print(session, shortenUsage(await renderUsage(definition), program.table));
}

/** "run|ps|pull|…" in the usage line helps nobody: the commands are listed below it. */
function shortenUsage(text: string, table: Program["table"]): string {
  return text.replace(Object.keys(table).join("|"), "COMMAND [ARG...]");
}

function print(session: Session, text: string): void {
  const colors = isTerminal(1) && !env.noColor();
  const shown = colors ? text : Bun.stripANSI(text);
  session.stdout.line(shown.replace(/[ \t]+$/gm, ""));
}

function toSubCommands(table: Program["table"]): Record<string, CommandDef> {
  return Object.fromEntries(
    Object.entries(table).map(([name, entry]) => [
      name,
      { meta: { name, description: isGroup(entry) ? `${entry.summary} …` : entry.summary } },
    ]),
  );
}

function toArguments(flags: FlagTable): ArgsDef {
  return Object.fromEntries(
    Object.entries(flags)
      .filter(([, flag]) => !flag.hidden)
      .map(([name, flag]) => [name, toArgument(flag)]),
  );
}

function toArgument(flag: Flag): ArgsDef[string] {
  const description =
    flag.default === undefined ? flag.summary : `${flag.summary} (default ${flag.default})`;
  const alias = flag.short === undefined ? {} : { alias: flag.short };
  if (flag.kind === "bool") return { type: "boolean", description, ...alias };
  return { type: "string", description, valueHint: flag.value ?? flag.kind, ...alias };
}

/** "IMAGE [COMMAND] [ARG...]" → citty's positionals. */
function toPositionals(usage: string): ArgsDef {
  return Object.fromEntries(
    wordsOf(usage).map((word) => [
      word.replace(/^\[(.*)\]$/, "$1"),
      { type: "positional", required: !word.startsWith("[") } as const,
    ]),
  );
}

/** "CONTAINER [PORT[/PROTO]] [ps OPTIONS]" → its three words, brackets with what is in them. */
export function wordsOf(usage: string): string[] {
  return usage.match(/\[(?:[^[\]]|\[[^\]]*\])*\]|\S+/g) ?? [];
}
