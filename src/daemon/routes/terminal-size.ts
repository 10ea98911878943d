import { EngineError } from "../../errors.ts";
import type { Query } from "../http/query.ts";

/** `h` and `w` of a resize. */
export function terminalSize(query: Query): { rows: number; columns: number } {
  return { rows: sizeOf(query, "h"), columns: sizeOf(query, "w") };
}

/** `ConsoleSize` of a body: rows and columns, of which either may be left out. */
export function parseConsoleSize(sizes: readonly number[] = []): { rows: number; columns: number } {
  const [rows = 0, columns = 0] = sizes;
  return { rows: check("ConsoleSize", rows), columns: check("ConsoleSize", columns) };
}

function sizeOf(query: Query, name: string): number {
  return check(name, query.integer(name) ?? 0);
}

function check(name: string, value: number): number {
  if (value < 0 || value > 65_535)
    throw new EngineError("invalid_argument", `invalid terminal size: ${name}=${value}`);
  return value;
}
