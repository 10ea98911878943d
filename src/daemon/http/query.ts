import { EngineError } from "../../errors.ts";
import { isRecord, parseJson } from "./json.ts";
import { defaultLimits } from "./limits.ts";
/** Query parameters of a request, read as Docker reads them. */
export class Query {
  readonly #params: URLSearchParams;

  constructor(search: string) {
    this.#params = new URLSearchParams(search);
  }

  text(name: string): string {
    return this.#params.get(name) ?? "";
  }

  /** All values of a parameter that may be repeated. */
  list(name: string): string[] {
    return this.#params.getAll(name);
  }

  /** Docker's rule: absent, "", "0", "no", "false" and "none" are false, all else is true. */
  flag(name: string, absent = false): boolean {
    const value = this.#params.get(name);
    if (value === null) return absent;
    return !["", "0", "no", "false", "none"].includes(value.trim().toLowerCase());
  }

  integer(name: string): number | undefined {
    const value = this.#params.get(name);
    if (value === null || value === "") return undefined;
    if (!/^-?\d{1,15}$/.test(value)) {
      throw new EngineError(
        "invalid_argument",
        `invalid value for "${name}": ${JSON.stringify(value)} is not a number`,
      );
    }
    return Number(value);
  }

  /** The `filters` parameter: {"name":["a","b"]} or Docker's old form {"name":{"a":true}}. */
  filters(allowed: readonly string[]): Map<string, string[]> {
    const text = this.text("filters");
    const filters = new Map<string, string[]>();
    if (text === "") return filters;
    const parsed = parseJson(Buffer.from(text), "filters", defaultLimits.jsonDepth);
    if (!isRecord(parsed))
      throw new EngineError("invalid_argument", "invalid filters: not an object");
    for (const [name, value] of Object.entries(parsed)) {
      if (!allowed.includes(name)) {
        throw new EngineError("invalid_argument", `invalid filter '${name}'`);
      }
      const values = Array.isArray(value)
        ? value
        : isRecord(value)
          ? Object.keys(value)
          : undefined;
      if (!values?.every((item): item is string => typeof item === "string")) {
        throw new EngineError(
          "invalid_argument",
          `invalid filter '${name}': not a list of strings`,
        );
      }
      filters.set(name, values);
    }
    return filters;
  }
}
