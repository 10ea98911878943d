import { EngineError } from "../../errors.ts";
import type { Query } from "../http/query.ts";

/** `h` and `w` of a resize. */
export function terminalSize(query: Query): { rows: number; columns: number } {
  return { rows: sizeOf(query, "h", "height"), columns: sizeOf(query, "w", "width") };
}

/** `ConsoleSize` of a body: rows and columns, of which either may be left out. */
export function parseConsoleSize(sizes: readonly number[] = []): { rows: number; columns: number } {
  const [rows = 0, columns = 0] = sizes;
  return { rows: check("ConsoleSize", rows), columns: check("ConsoleSize", columns) };
}

function sizeOf(query: Query, name: string, what: string): number {
  const text = query.text(name);
  const refuse = (why: string): EngineError =>
    new EngineError("invalid_argument", `invalid resize ${what} ${JSON.stringify(text)}: ${why}`);
  if (!/^-?\d+$/.test(text)) throw refuse("invalid syntax");
  const value = Number(text);
  // A terminal's sizes are 16 bits; Docker cuts off what is more.
  if (value < 0 || value > 65_535) throw refuse("value out of range");
  return value;
}

function check(name: string, value: number): number {
  if (value < 0 || value > 65_535)
    throw new EngineError("invalid_argument", `invalid terminal size: ${name}=${value}`);
  return value;
}
