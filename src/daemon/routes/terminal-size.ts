import { EngineError } from "../../errors.ts";
import type { Query } from "../http/query.ts";

/** `h` and `w` of a resize. */
export function terminalSize(query: Query): { rows: number; columns: number } {
  return { rows: sizeOf(query, "h"), columns: sizeOf(query, "w") };
}

function sizeOf(query: Query, name: string): number {
  const value = query.integer(name) ?? 0;
  if (value < 0 || value > 65_535)
    throw new EngineError("invalid_argument", `invalid terminal size: ${name}=${value}`);
  return value;
}
