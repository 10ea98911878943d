import type { FlagTable, FlagValues } from "./flags.ts";
import type { Output } from "./output.ts";

/** Which engine the command line names, and how to be sure of it; what was not said is undefined. */
export interface EngineFlags {
  /** From -H before or among the command's words. */
  host: string | undefined;
  tls: {
    tls?: boolean;
    tlsverify?: boolean;
    tlscacert?: string;
    tlscert?: string;
    tlskey?: string;
  };
}

/** What every command gets, whatever its flags. */
export interface Session {
  /** How the program was called: "rt", or "docker" when installed under that name. */
  program: string;
  target: EngineFlags;
  stdout: Output;
  stderr: Output;
}

export interface CommandContext<T extends FlagTable> extends Session {
  flags: FlagValues<T>;
  /** Flags that were typed, by full name. */
  given: ReadonlySet<string>;
  args: string[];
}

/** Things that have names. */
export type Completable = "containers" | "images" | "networks" | "volumes";

/** A command is data: usage text, completions and the parser all come from it. */
export interface Command<T extends FlagTable = FlagTable> {
  name: string;
  summary: string;
  /** Its positional arguments, as usage text shows them: "CONTAINER [CONTAINER...]". */
  usage: string;
  arity: { min: number; max?: number };
  flags: T;
  /** Flags end at the first positional argument. */
  stopAtPositional?: boolean;
  /** What shells may complete its arguments with. */
  completes?: Completable | readonly Completable[];
  /** The exit code of any failure that has none of its own; 1 unless said. */
  failureExit?: number;
  /** Resolves with the exit code. */
  run(context: CommandContext<T>): Promise<number>;
}

/** Infers the flag table's type for `run`. */
export function defineCommand<const T extends FlagTable>(command: Command<T>): Command<T> {
  return command;
}

/** A command in the table of all: its module is loaded when it is called. */
export interface CommandEntry {
  summary: string;
  load(): Promise<Command<FlagTable>>;
}

/** Commands that are called by two words: `container ls`. */
export interface CommandGroup {
  summary: string;
  commands: Record<string, CommandEntry>;
}

export type CommandTable = Record<string, CommandEntry | CommandGroup>;

export function isGroup(entry: CommandEntry | CommandGroup): entry is CommandGroup {
  return "commands" in entry;
}
