import type { IncomingMessage } from "node:http";
import { EngineError } from "../../errors.ts";
import { wellFormed } from "../../oci/json.ts";

/** Longest JSON body that is read; Docker's largest real ones are a few kilobytes. */
const maxBodyBytes = 4 * 1024 * 1024;

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
    const parsed = parseJson(text, "filters");
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

/** The JSON object in a request's body; an empty body is an empty object. */
export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const type = request.headers["content-type"] ?? "application/json";
  if (type.split(";", 1)[0]?.trim().toLowerCase() !== "application/json") {
    throw new EngineError(
      "invalid_argument",
      `unsupported Content-Type header (${type}): must be 'application/json'`,
    );
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBodyBytes) {
      throw new EngineError(
        "invalid_argument",
        `request body is larger than ${maxBodyBytes} bytes`,
      );
    }
    chunks.push(chunk);
  }
  if (size === 0) return {};
  const value = parseJson(Buffer.concat(chunks).toString("utf8"), "request body");
  // What Docker's client sends where it has nothing to say.
  if (value === null) return {};
  if (!isRecord(value))
    throw new EngineError("invalid_argument", "invalid request body: not a JSON object");
  return value;
}

export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(wellFormed(text));
  } catch (cause) {
    throw new EngineError("invalid_argument", `invalid JSON in ${what}`, { cause });
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
