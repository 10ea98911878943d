import {
  type Command,
  type CommandEntry,
  type CommandTable,
  isGroup,
  type Session,
} from "./command.ts";
import { parseFlags, UsageError } from "./flags.ts";
import { Output } from "./output.ts";
import { exitCodes, type Running, report } from "./report.ts";

/** Flags before the command. */
export const globalFlags = {
  host: { kind: "list", short: "H", summary: "Daemon to talk to: unix://PATH or tcp://HOST:PORT" },
  tls: { kind: "bool", summary: "Use TLS; implied by --tlsverify" },
  tlscacert: {
    kind: "string",
    value: "file",
    summary: "Trust certificates of this CA (~/.docker/ca.pem)",
  },
  tlscert: { kind: "string", value: "file", summary: "TLS certificate (~/.docker/cert.pem)" },
  tlskey: { kind: "string", value: "file", summary: "TLS key (~/.docker/key.pem)" },
  tlsverify: { kind: "bool", summary: "Use TLS and verify the daemon" },
  version: { kind: "bool", short: "v", summary: "Print version information and quit" },
} as const;

export interface Program {
  name: string;
  version: string;
  table: CommandTable;
}

/** Finds the command that `args` name, parses its flags and runs it. Resolves with the exit code. */
export async function dispatch(program: Program, args: readonly string[]): Promise<number> {
  const session: Session = {
    program: program.name,
    target: { host: undefined, tls: {} },
    stdout: new Output(1),
    stderr: new Output(2),
  };
  const state: { running?: Running } = {};
  try {
    const exit = await runWords(program, args, session, state);
    await session.stdout.flush();
    await session.stderr.flush();
    return exit;
  } catch (error) {
    try {
      const exit = report(error, session, state.running);
      await session.stderr.flush();
      return exit;
    } catch {
      // Where not even this can be written, the exit code has to say it.
      return exitCodes.failure;
    }
  }
}

async function runWords(
  program: Program,
  args: readonly string[],
  session: Session,
  state: { running?: Running },
): Promise<number> {
  const words = readGlobals(program, args, session);
  if (typeof words === "number") return words;
  const found = await find(program, words, session);
  if (typeof found === "number") return found;
  state.running = found;
  return await runCommand(found, words.slice(found.name.split(" ").length), session);
}

/** The words from the command on; an exit code when there is nothing more to do. */
function readGlobals(
  program: Program,
  args: readonly string[],
  session: Session,
): readonly string[] | number {
  if (!args[0]?.startsWith("-")) return args;
  const { values, given, positionals, help } = parseFlags(globalFlags, args, {
    stopAtPositional: true,
  });
  if (values.version) {
    session.stdout.line(
      `${program.name === "docker" ? "Docker" : program.name} version ${program.version}`,
    );
    return exitCodes.ok;
  }
  if (values.host.length > 1) throw new UsageError("specify only one -H");
  session.target.host = values.host[0];
  const tlsFlags = ["tls", "tlscacert", "tlscert", "tlskey", "tlsverify"] as const;
  const typed = tlsFlags.filter((name) => given.has(name)).map((name) => [name, values[name]]);
  session.target.tls = Object.fromEntries(typed);
  return help ? ["help", ...positionals] : positionals;
}

async function find(
  program: Program,
  words: readonly string[],
  session: Session,
): Promise<(Running & { command: Command }) | number> {
  const [first = "help", second] = words;
  const entry = Object.hasOwn(program.table, first) ? program.table[first] : undefined;
  if (!entry) return unknown(session, first, "");
  if (!isGroup(entry)) return { name: first, command: await load(entry) };
  if (second === undefined || second === "--help" || second === "-h") {
    const { printGroupHelp } = await import("./usage.ts");
    await printGroupHelp(program, session, first, entry);
    return exitCodes.ok;
  }
  const inner = Object.hasOwn(entry.commands, second) ? entry.commands[second] : undefined;
  if (!inner) return unknown(session, second, `${first} `);
  return { name: `${first} ${second}`, command: await load(inner) };
}

function load(entry: CommandEntry): Promise<Command> {
  return entry.load();
}

function unknown(session: Session, word: string, group: string): number {
  const { program } = session;
  session.stderr.print(
    `${program}: unknown command: ${program} ${group}${word}\n\nRun '${program} ${group}--help' for more information\n`,
  );
  return exitCodes.failure;
}

async function runCommand(
  running: Running,
  words: readonly string[],
  session: Session,
): Promise<number> {
  const { command } = running;
  const parsed = parseFlags(command.flags, words, {
    stopAtPositional: command.stopAtPositional ?? false,
  });
  if (parsed.help) {
    const { printCommandHelp } = await import("./usage.ts");
    await printCommandHelp(session, running);
    return exitCodes.ok;
  }
  checkArity(running, parsed.positionals.length, session.program);
  return await command.run({
    ...session,
    flags: parsed.values,
    given: parsed.given,
    args: parsed.positionals,
  });
}

function checkArity({ name, command }: Running, count: number, program: string): void {
  const { min, max } = command.arity;
  if (count >= min && (max === undefined || count <= max)) return;
  const number = (n: number) => `${n} argument${n === 1 ? "" : "s"}`;
  let rule: string;
  if (max === 0) rule = "accepts no arguments";
  else if (min === max) rule = `requires ${number(min)}`;
  else if (max === undefined) rule = `requires at least ${number(min)}`;
  else if (min === 0) rule = `requires at most ${number(max)}`;
  else rule = `requires at least ${min} and at most ${number(max)}`;
  throw new UsageError(`${program}: '${program} ${name}' ${rule}`, exitCodes.failure);
}
