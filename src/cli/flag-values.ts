import type { Flag } from "./flags.ts";

/** How the text of a flag becomes its value; a text that cannot throws an Error with the detail. */
export type FlagValue = boolean | string | number | string[] | undefined;

export function defaultOf(flag: Flag | undefined): FlagValue {
  if (!flag) return undefined;
  if (flag.kind === "bool") return flag.default === "true";
  if (flag.kind === "list") return [];
  if (flag.default === undefined) return undefined;
  return flag.kind === "string" ? flag.default : parseNumber(flag.kind, flag.default);
}

/** `before` is what the flag had, which a list keeps. */
export function readValue(flag: Flag, text: string, before: FlagValue): FlagValue {
  if (flag.kind === "bool") return parseBool(text);
  if (flag.kind === "list") return Array.isArray(before) ? [...before, text] : [text];
  if (flag.kind === "string") return text;
  return parseNumber(flag.kind, text);
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
