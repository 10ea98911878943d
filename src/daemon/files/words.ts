/** Words as a Dockerfile has them, and the variables in them. */
import { EngineError } from "../../errors.ts";

/** By name; a name that is not there is nothing. */
export type Variables = ReadonlyMap<string, string>;

/** From "NAME=VALUE". */
export function readVariables(env: readonly string[]): Variables {
  return new Map(
    env.map((variable) => {
      const at = variable.indexOf("=");
      return at < 0 ? [variable, ""] : [variable.slice(0, at), variable.slice(at + 1)];
    }),
  );
}

/**
 * Quotes group, a backslash takes the next character as it is, and variables are what they stand for. Within
 * double quotes a backslash stands for itself but before `"`, `$` and another.
 */
export function splitWords(text: string, variables: Variables): string[] {
  return readWords(text, variables, true);
}

/** A text that is one word, blanks and all. */
export function readWord(text: string, variables: Variables): string {
  return readWords(text, variables, false).join("");
}

function readWords(text: string, variables: Variables, isSplit: boolean): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === "\\" && escapes(text.charAt(i + 1), quote)) {
      word = (word ?? "") + text.charAt(++i);
    } else if (char === "$" && quote !== "'") {
      const [written, value] = readVariable(text.slice(i), variables);
      word = (word ?? "") + value;
      i += written.length - 1;
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (isSplit && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function escapes(next: string, quote: string): boolean {
  if (next === "" || quote === "'") return false;
  return quote === "" || '"$\\'.includes(next);
}

/** What a text begins with, "$NAME" or "${NAME…}", and what it stands for. */
function readVariable(text: string, variables: Variables): [written: string, value: string] {
  const plain = /^\$(\w+)/.exec(text);
  if (plain !== null) return [plain[0], variables.get(plain[1] ?? "") ?? ""];
  if (!text.startsWith("${")) return ["$", "$"];
  const written = text.slice(0, endOfBraces(text));
  const [, name, mark, other = ""] =
    /^(\w+)(?:(:?[-+?])(.*))?$/s.exec(written.slice(2, -1)) ?? refuse(written, "is not supported");
  const value = variables.get(name ?? "");
  const isThere = mark?.startsWith(":") ? (value ?? "") !== "" : value !== undefined;
  if (mark === undefined || (isThere && !mark.endsWith("+"))) return [written, value ?? ""];
  if (mark.endsWith("?")) return refuse(name ?? "", readWord(other, variables) || "is not set");
  return [written, mark.endsWith("-") || isThere ? readWord(other, variables) : ""];
}

/** Where "${…}" ends, others in it and all. */
function endOfBraces(text: string): number {
  let depth = 0;
  for (let i = 1; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === "\\") i++;
    else if (char === "{" && text.charAt(i - 1) === "$") depth++;
    else if (char === "}" && --depth === 0) return i + 1;
  }
  return refuse(text, "has no end");
}

function refuse(what: string, why: string): never {
  throw new EngineError("invalid_argument", `${what}: ${why}`);
}
