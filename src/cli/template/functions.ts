import { badTemplate } from "./lexer.ts";

/** Functions of Go's text/template and of Docker's formatter, by name. */

type Fn = (...args: unknown[]) => unknown;

export function findFunction(name: string): Fn {
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (!found) throw badTemplate(`function "${name}" not defined`);
  return found;
}

const functions: Record<string, Fn> = {
  json: (value) => JSON.stringify(value ?? null),
  join: (list, separator) => toList(list, "join").map(formatValue).join(formatValue(separator)),
  split: (text, separator) => formatValue(text).split(formatValue(separator)),
  lower: (text) => formatValue(text).toLowerCase(),
  upper: (text) => formatValue(text).toUpperCase(),
  title: (text) => formatValue(text).replace(/(^|[^\w'])([a-z])/g, (all) => all.toUpperCase()),
  pad: (text, before, after) => {
    const source = formatValue(text);
    return source === ""
      ? ""
      : `${" ".repeat(Number(before))}${source}${" ".repeat(Number(after))}`;
  },
  truncate: (text, length) => formatValue(text).slice(0, Number(length)),
  println: (...args) => `${args.map(formatValue).join(" ")}\n`,
  print: (...args) => args.map(formatValue).join(""),
  printf: (format, ...args) => formatPrintf(formatValue(format), args),
  len: (value) => {
    if (typeof value === "string") return Buffer.byteLength(value);
    if (Array.isArray(value)) return value.length;
    if (value !== null && typeof value === "object") return Object.keys(value).length;
    throw badTemplate(`len of type ${typeof value}`);
  },
  index: (value, ...keys) => keys.reduce((inner, key) => indexOne(inner, key), value),
  slice: (value, from, to) => {
    const range = [from, to].map((n) => (n === undefined ? undefined : Number(n)));
    if (typeof value === "string" || Array.isArray(value)) return value.slice(...range);
    throw badTemplate(`can't slice item of type ${typeof value}`);
  },
  not: (value) => !isTrue(value),
  and: (...args) => args.find((value) => !isTrue(value)) ?? args.at(-1),
  or: (...args) => args.find(isTrue) ?? args.at(-1),
  eq: (first, ...rest) => rest.some((value) => value === first),
  ne: (a, b) => a !== b,
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
};

/** Go's truth: false, 0, "", nil and what is empty are false. */
export function isTrue(value: unknown): boolean {
  if (value === null || value === undefined) return false;
  if (typeof value === "object") return Object.keys(value).length > 0;
  return Boolean(value);
}

/** As Go prints it: lists in brackets, maps sorted by key. */
export function formatValue(value: unknown): string {
  if (value === undefined || value === null) return "<no value>";
  if (Array.isArray(value)) return `[${value.map(formatNested).join(" ")}]`;
  if (typeof value === "object") {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `map[${members.map(([name, member]) => `${name}:${formatNested(member)}`).join(" ")}]`;
  }
  return String(value);
}

function formatNested(value: unknown): string {
  return value === undefined || value === null ? "<nil>" : formatValue(value);
}

function toList(value: unknown, name: string): unknown[] {
  if (Array.isArray(value)) return value;
  if (value === null || value === undefined) return [];
  throw badTemplate(`wrong type for value in "${name}": expected a list`);
}

function indexOne(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    const item = typeof key === "number" ? value[key] : undefined;
    if (item === undefined) throw badTemplate(`error calling index: index out of range: ${key}`);
    return item;
  }
  if (value !== null && typeof value === "object") {
    return Object.entries(value).find(([name]) => name === String(key))?.[1] ?? "";
  }
  throw badTemplate("error calling index: index of untyped nil");
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : Number(a > b);
  throw badTemplate("incompatible types for comparison");
}

function formatPrintf(format: string, args: unknown[]): string {
  let next = 0;
  return format.replace(
    /%([-+0 ]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g,
    (all, flags: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const text = formatVerb(verb, args[next++], precision) ?? `%!${verb}(${all})`;
      if (flags.includes("-")) return text.padEnd(Number(width));
      return text.padStart(Number(width), flags.includes("0") ? "0" : " ");
    },
  );
}

function formatVerb(verb: string, value: unknown, precision?: string): string | undefined {
  if (verb === "v" || verb === "t") return formatValue(value);
  if (verb === "s")
    return formatValue(value).slice(0, precision === undefined ? undefined : +precision);
  if (verb === "q") return JSON.stringify(formatValue(value));
  if (verb === "d") return String(Math.trunc(Number(value)));
  if (verb === "f") return Number(value).toFixed(precision === undefined ? 6 : +precision);
  if (verb === "x" && typeof value === "number") return value.toString(16);
  if (verb === "x") return Buffer.from(formatValue(value)).toString("hex");
  if (verb === "T") return typeof value;
  return undefined;
}
