import { wellFormed } from "../../oci/json.ts";
import type { RequestBody } from "./body.ts";
import { type Limits, RequestError } from "./limits.ts";

type JsonLimits = Pick<Limits, "jsonBytes" | "jsonDepth">;

/** The JSON object in a request's body; an empty body is an empty object. */
export async function readJson(
  body: RequestBody,
  contentType: string | undefined,
  limits: JsonLimits,
): Promise<Record<string, unknown>> {
  const type = contentType ?? "application/json";
  if (type.split(";", 1)[0]?.trim().toLowerCase() !== "application/json") {
    throw new RequestError(
      400,
      `unsupported Content-Type header (${type}): must be 'application/json'`,
    );
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size + body.atLeast <= limits.jsonBytes) {
    const chunk = await body.next();
    if (chunk === undefined) return parseBody(Buffer.concat(chunks), limits.jsonDepth);
    size += chunk.length;
    chunks.push(chunk);
  }
  throw new RequestError(413, `request body is larger than ${limits.jsonBytes} bytes`);
}

function parseBody(bytes: Uint8Array, maxDepth: number): Record<string, unknown> {
  if (bytes.length === 0) return {};
  const value = parseJson(bytes, "request body", maxDepth);
  // What Docker's client sends where it has nothing to say.
  if (value === null) return {};
  if (!isRecord(value)) throw new RequestError(400, "invalid request body: not a JSON object");
  return value;
}

/**
 * Parses what a stranger wrote. Refused, beside what is no JSON: more than `maxDepth` levels, an object
 * with the same name twice (whose meaning depends on who reads it), and the name `__proto__` (which
 * changes the object that it is assigned to).
 */
export function parseJson(bytes: Uint8Array, what: string, maxDepth: number): unknown {
  const { depth, names } = scan(bytes);
  if (depth > maxDepth) {
    throw new RequestError(
      400,
      `invalid JSON in ${what}: nested more than ${maxDepth} levels deep`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(wellFormed(decoder.decode(bytes)));
  } catch {
    throw new RequestError(400, `invalid JSON in ${what}`);
  }
  if (countNames(value, what) !== names) {
    throw new RequestError(400, `invalid JSON in ${what}: an object has the same name twice`);
  }
  return value;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const decoder = new TextDecoder();
const [quote, backslash, colon] = [0x22, 0x5c, 0x3a];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/** How deep a text goes, should it be JSON, and how many names its objects have together. */
function scan(bytes: Uint8Array): { depth: number; names: number } {
  let [level, depth, names] = [0, 0, 0];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) at = endOfString(bytes, at + 1);
    else if (byte === colon) names++;
    else if (byte === openObject || byte === openList) {
      level++;
      if (level > depth) depth = level;
    } else if (byte === closeObject || byte === closeList) level--;
  }
  return { depth, names };
}

function endOfString(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}

/** Names in the objects of a parsed value; its depth is bounded, still nothing here recurses. */
function countNames(root: unknown, what: string): number {
  let count = 0;
  const open: unknown[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== "object" || value === null) continue;
    if (Array.isArray(value)) {
      for (const item of value) if (typeof item === "object") open.push(item);
      continue;
    }
    for (const [name, item] of Object.entries(value)) {
      if (name === "__proto__") {
        throw new RequestError(400, `invalid JSON in ${what}: the name "__proto__" is reserved`);
      }
      count++;
      if (typeof item === "object" && item !== null) open.push(item);
    }
  }
  return count;
}
