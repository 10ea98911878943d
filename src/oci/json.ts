import { EngineError } from "../errors.ts";

/** Nesting beyond this is refused before the parser sees it (Go's limit is 10,000). */
const maxDepth = 1000;

/**
 * Parses foreign JSON: strict UTF-8, bounded depth. `what` names the document in the message, which never
 * quotes its content. Throws invalid_argument.
 */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    checkDepth(text);
    return JSON.parse(wellFormed(text));
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError("invalid_argument", `invalid ${what}: not valid JSON`, { cause });
  }
}

/**
 * JSON text whose escapes of half a character are U+FFFD, as Go's parser reads them: no such text can be passed
 * on as UTF-8.
 */
export function wellFormed(text: string): string {
  if (!/\\u[dD][89a-fA-F]/.test(text)) return text;
  const escapes =
    /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)/gs;
  return text.replace(escapes, (all, half) => (half === undefined ? all : "\\ufffd"));
}

function checkDepth(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x5b || code === 0x7b) {
      depth++;
      if (depth > maxDepth) {
        throw new EngineError("invalid_argument", "invalid JSON: nested too deeply");
      }
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A map of strings, or undefined for an absent or null one; throws for any other type. */
export function stringMap(value: unknown, where: string): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value))
    throw new EngineError("invalid_argument", `invalid ${where}: not an object`);
  const out: Record<string, string> = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    if (typeof item !== "string") {
      throw new EngineError("invalid_argument", `invalid ${where}: a value is not a string`);
    }
    out[key] = item;
  }
  return out;
}
