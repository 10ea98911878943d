import { UsageError } from "../../cli/flags.ts";
import { EngineError } from "../../errors.ts";

/** Pieces that the builders of a create request share. */

/** An IPv4 or IPv6 address, by its shape; the engine has the last word. */
export function isAddress(text: string): boolean {
  if (/^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(text)) return true;
  return /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text);
}

export function toMap(items: readonly string[], flag: string): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      if (item.startsWith("=") || item === "") throw invalid(item, flag, "expected name=value");
      return cut(item, "=");
    }),
  );
}

/** Splits at the first `separator`; without one the second part is empty. */
export function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** A value that its flag cannot take. */
export function invalid(text: string, flag: string, detail: string): UsageError {
  return new UsageError(`invalid argument "${text}" for "${flag}" flag: ${detail}`);
}

/** A request that makes no sense as a whole. */
export function refuse(message: string): EngineError {
  return new EngineError("invalid_argument", message);
}

export type Undefinable<T> = { [K in keyof T]: T[K] | undefined };

/** Drops members that say nothing: undefined, false, "", and empty lists and maps. */
export function compact<T extends object>(value: Undefinable<T>): T {
  const kept: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined || member === false || member === "") continue;
    if (typeof member === "object" && member !== null && Object.keys(member).length === 0) continue;
    kept[name] = member;
  }
  return kept as T;
}
