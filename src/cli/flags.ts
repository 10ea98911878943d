import { EngineError } from "../errors.ts";

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

type Value = boolean | string | number | string[] | undefined;

export function parseFlags<T extends FlagTable>(
  table: T,
  args: readonly string[],
  options: ParseOptions,
): ParsedArguments<T> {
  const typed: Record<string, Value> = {};
  const given = new Set<string>();
  const positionals: string[] = [];
  let help = false;

  const set = (name: string, text: string) => {
    const flag: Flag | undefined = table[name];
    if (!flag) return;
    typed[name] = readValue(name, flag, text, typed[name]);
    given.add(name);
  };

  let i = 0;
  const needValue = (spelled: string): string => {
    const value = args[++i];
    if (value === undefined) {
      throw usage(
        spelled.startsWith("--")
          ? `flag needs an argument: ${spelled}`
          : `flag needs an argument: '${spelled.slice(1)}' in ${args[i - 1]}`,
      );
    }
    return value;
  };

  const long = (arg: string) => {
    const equals = arg.indexOf("=");
    const spelled = equals < 0 ? arg : arg.slice(0, equals);
    const name = findName(table, spelled);
    if (spelled === "--help" && name === undefined) {
      help = true;
      return;
    }
    if (name === undefined) throw usage(`unknown flag: ${spelled}`);
    if (equals >= 0) set(name, arg.slice(equals + 1));
    else if (table[name]?.kind === "bool") set(name, "true");
    else set(name, needValue(spelled));
  };

  const short = (arg: string) => {
    for (let at = 1; at < arg.length; at++) {
      const letter = `-${arg[at]}`;
      const name = findShort(table, arg[at]);
      if (name === undefined && letter === "-h") {
        help = true;
        return;
      }
      if (name === undefined)
        throw usage(`unknown shorthand flag: '${arg[at]}' in -${arg.slice(at)}`);
      const rest = arg.slice(at + 1);
      if (table[name]?.kind === "bool") {
        if (!rest.startsWith("=")) {
          set(name, "true");
          continue;
        }
        set(name, rest.slice(1));
      } else if (rest === "") set(name, needValue(letter));
      else set(name, rest.startsWith("=") ? rest.slice(1) : rest);
      return;
    }
  };

  for (; i < args.length && !help; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") {
      positionals.push(...args.slice(i + 1));
      break;
    }
    if (arg.startsWith("--")) long(arg);
    else if (arg.startsWith("-") && arg.length > 1) short(arg);
    else {
      if (options.stopAtPositional) {
        positionals.push(...args.slice(i));
        break;
      }
      positionals.push(arg);
    }
  }
  const values = new Proxy(typed, new Defaults(table)) as FlagValues<T>;
  return { values, given, positionals, help };
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

/** A mistake on the command line; report.ts adds the usage line and exits 125. */
export class UsageError extends EngineError {
  constructor(message: string) {
    super("invalid_argument", message);
    this.name = "UsageError";
  }
}

function usage(message: string): UsageError {
  return new UsageError(message);
}

/** Gives flags that were not typed their default when asked for it: of ninety few ever are. */
class Defaults implements ProxyHandler<Record<string, Value>> {
  readonly #table: FlagTable;

  constructor(table: FlagTable) {
    this.#table = table;
  }

  get(values: Record<string, Value>, name: string): Value {
    return Object.hasOwn(values, name) ? values[name] : defaultOf(this.#table[name]);
  }

  ownKeys(): string[] {
    return Object.keys(this.#table);
  }

  getOwnPropertyDescriptor(values: Record<string, Value>, name: string): PropertyDescriptor {
    return { value: this.get(values, name), writable: true, enumerable: true, configurable: true };
  }
}

function defaultOf(flag: Flag | undefined): Value {
  if (!flag) return undefined;
  if (flag.kind === "bool") return flag.default === "true";
  if (flag.kind === "list") return [];
  if (flag.default === undefined) return undefined;
  return flag.kind === "string" ? flag.default : parseNumber(flag.kind, flag.default);
}

function readValue(name: string, flag: Flag, text: string, before: Value): Value {
  try {
    if (flag.kind === "bool") return parseBool(text);
    if (flag.kind === "list") return Array.isArray(before) ? [...before, text] : [text];
    if (flag.kind === "string") return text;
    return parseNumber(flag.kind, text);
  } catch (error) {
    const spelled = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
    const detail = error instanceof Error ? error.message : String(error);
    throw usage(`invalid argument "${text}" for "${spelled}" flag: ${detail}`);
  }
}

function parseBool(text: string): boolean {
  if (["true", "1", "t", "T", "TRUE", "True"].includes(text)) return true;
  if (["false", "0", "f", "F", "FALSE", "False"].includes(text)) return false;
  throw new Error(`strconv.ParseBool: parsing "${text}": invalid syntax`);
}

function parseNumber(kind: "int" | "bytes" | "duration", text: string): number {
  if (kind === "bytes") return parseBytes(text);
  if (kind === "duration") return parseDuration(text);
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw new Error(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  }
  return value;
}

const byteUnits = { b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 } as const;

/** "64m" → bytes; units b k m g t p, with an optional "b" or "ib", all powers of 1024; -1 is none. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([bkmgtp])?(?:i?b)?$/i.exec(text);
  if (text === "-1") return -1;
  if (!match) throw new Error(`invalid size: '${text}'`);
  const power = byteUnits[(match[2] ?? "b").toLowerCase() as keyof typeof byteUnits];
  return Math.trunc(Number(match[1]) * 1024 ** power);
}

const durationUnits: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Go's durations, "1h30m" or "1.5s", in nanoseconds. */
export function parseDuration(text: string): number {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+)$/.exec(text);
  if (text === "0") return 0;
  if (!match?.[2]) throw new Error(`time: invalid duration "${text}"`);
  let total = 0;
  for (const part of match[2].matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(part[1]) * (durationUnits[part[2] ?? ""] ?? 0);
  }
  return match[1] === "-" ? -total : total;
}
