/** The operations of Docker's API as facts, distilled by scripts/distil-api.ts. */
import { join } from "node:path";

/** A type's name; "@Name" for a definition; `[item]`, `{"*": value}`, or an object of fields. */
export type Shape = string | [Shape] | { [field: string]: Shape };

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  type: "string" | "integer" | "boolean" | "array";
}

export interface Operation {
  method: string;
  path: string;
  parameters: Parameter[];
  body?: Shape;
}

export interface Api {
  operations: Operation[];
  definitions: Record<string, Shape>;
}

export async function readApi(): Promise<Api> {
  return (await Bun.file(join(import.meta.dir, "testdata/operations.json")).json()) as Api;
}
