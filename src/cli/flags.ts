import { EngineError, messageOf } from "../errors.ts";
import type { Completable } from "./command.ts";
import { defaultOf, type FlagValue, readValue } from "./flag-values.ts";

/**
 * Flags as data, and a strict parser with the rules of Docker's (pflag): `--name value`,
 * `--name=value`, `-abc` bundles, `-eVALUE`, `--bool=false`; a list may be repeated; `--` ends flags.
 */
export interface Flag {
  kind: "bool" | "string" | "list" | "int" | "bytes" | "duration";
  short?: string;
  summary: string;
  /** Name of the value in usage text, when the kind's own does not say enough. */
  value?: string;
  /** Value when the flag is absent; for the parser of `kind`. */
  default?: string;
  /** Another name of the flag, not shown in usage text. */
  alias?: string;
  hidden?: boolean;
  /** What shells may complete the value with. */
  choices?: readonly string[];
  completes?: Completable;
}

export type FlagTable = Record<string, Flag>;

type ValueOf<F extends Flag> = F["kind"] extends "bool"
  ? boolean
  : F["kind"] extends "list"
    ? string[]
    : F["kind"] extends "string"
      ? string | undefined
      : number | undefined;

/** What a flag table's command receives: bytes in bytes, durations in nanoseconds. */
export type FlagValues<T extends FlagTable> = { [K in keyof T]: ValueOf<T[K]> };

export interface ParsedArguments<T extends FlagTable> {
  values: FlagValues<T>;
  /** Flags that were on the command line, by full name. */
  given: Set<string>;
  positionals: string[];
  help: boolean;
}

export interface ParseOptions {
  /** Flags end at the first positional (run, create, exec: the rest is the container's). */
  stopAtPositional: boolean;
}

export function parseFlags<T extends FlagTable>(
  table: T,
  args: readonly string[],
  options: ParseOptions,
): ParsedArguments<T> {
  const parser = new Parser(table, args);
  parser.run(options);
  const values = new Proxy(parser.typed, new Defaults(table)) as FlagValues<T>;
  return { values, given: parser.given, positionals: parser.positionals, help: parser.help };
}

class Parser {
  readonly typed: Record<string, FlagValue> = {};
  readonly given = new Set<string>();
  readonly positionals: string[] = [];
  help = false;
  readonly #table: FlagTable;
  readonly #args: readonly string[];
  #at = 0;

  constructor(table: FlagTable, args: readonly string[]) {
    this.#table = table;
    this.#args = args;
  }

  run({ stopAtPositional }: ParseOptions): void {
    for (; this.#at < this.#args.length && !this.help; this.#at++) {
      const arg = this.#args[this.#at] ?? "";
      if (arg === "--") {
        this.positionals.push(...this.#args.slice(this.#at + 1));
        return;
      }
      if (arg.startsWith("--")) this.#long(arg);
      else if (arg.startsWith("-") && arg.length > 1) this.#short(arg);
      else if (stopAtPositional) {
        this.positionals.push(...this.#args.slice(this.#at));
        return;
      } else this.positionals.push(arg);
    }
  }

  #long(arg: string): void {
    const equals = arg.indexOf("=");
    const spelled = equals < 0 ? arg : arg.slice(0, equals);
    const name = findName(this.#table, spelled);
    if (name === undefined) {
      if (spelled !== "--help") throw new UsageError(`unknown flag: ${spelled}`);
      this.help = true;
    } else if (equals >= 0) this.#set(name, arg.slice(equals + 1));
    else if (this.#isSwitch(name)) this.#set(name, "true");
    else this.#set(name, this.#nextValue(`flag needs an argument: ${spelled}`));
  }

  /** "-abc", "-eVALUE", "-e=VALUE" or "-e" with its value in the next word. */
  #short(arg: string): void {
    for (let at = 1; at < arg.length; at++) {
      const letter = arg[at] ?? "";
      const rest = arg.slice(at + 1);
      const name = findShort(this.#table, letter);
      if (name === undefined) {
        if (letter === "h") {
          this.help = true;
          return;
        }
        throw new UsageError(`unknown shorthand flag: '${letter}' in -${arg.slice(at)}`);
      }
      if (this.#isSwitch(name) && !rest.startsWith("=")) {
        this.#set(name, "true");
        continue;
      }
      if (rest.startsWith("=")) this.#set(name, rest.slice(1));
      else if (rest !== "") this.#set(name, rest);
      else this.#set(name, this.#nextValue(`flag needs an argument: '${letter}' in ${arg}`));
      return;
    }
  }

  #isSwitch(name: string): boolean {
    return this.#table[name]?.kind === "bool";
  }

  #nextValue(otherwise: string): string {
    const value = this.#args[++this.#at];
    if (value === undefined) throw new UsageError(otherwise);
    return value;
  }

  #set(name: string, text: string): void {
    const flag = this.#table[name];
    if (!flag) return;
    this.typed[name] = this.#read(name, flag, text);
    this.given.add(name);
  }

  #read(name: string, flag: Flag, text: string): FlagValue {
    try {
      return readValue(flag, text, this.typed[name]);
    } catch (error) {
      const spelled = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
      throw new UsageError(`invalid argument "${text}" for "${spelled}" flag: ${messageOf(error)}`);
    }
  }
}

/** The flag that is spelled "--name", by its name or its alias. */
function findName(table: FlagTable, spelled: string): string | undefined {
  const name = spelled.slice(2);
  if (Object.hasOwn(table, name)) return name;
  return Object.keys(table).find((other) => table[other]?.alias === name);
}

function findShort(table: FlagTable, letter: string | undefined): string | undefined {
  return Object.keys(table).find((name) => table[name]?.short === letter);
}

/** A mistake on the command line; report.ts adds the usage line. */
export class UsageError extends EngineError {
  /** Docker's client has another one for arguments that are too few or many than for flags. */
  readonly exit: number | undefined;

  constructor(message: string, exit?: number) {
    super("invalid_argument", message);
    this.name = "UsageError";
    this.exit = exit;
  }
}

/** Gives flags that were not typed their default when asked for it: of ninety few ever are. */
class Defaults implements ProxyHandler<Record<string, FlagValue>> {
  readonly #table: FlagTable;

  constructor(table: FlagTable) {
    this.#table = table;
  }

  get(values: Record<string, FlagValue>, name: string): FlagValue {
    return Object.hasOwn(values, name) ? values[name] : defaultOf(this.#table[name]);
  }

  ownKeys(): string[] {
    return Object.keys(this.#table);
  }

  getOwnPropertyDescriptor(values: Record<string, FlagValue>, name: string): PropertyDescriptor {
    return { value: this.get(values, name), writable: true, enumerable: true, configurable: true };
  }
}
