import { EngineError } from "../../errors.ts";

/** Pieces of a Go template: text as it stands, and actions as lists of tokens. */
export type Piece = { kind: "text"; text: string } | { kind: "action"; tokens: Token[] };

export interface Token {
  kind: "word" | "field" | "variable" | "string" | "number" | "symbol";
  /** Of a field or variable its name without "." or "$"; of a string its value. */
  text: string;
  /** Blank space stands before it: ".A .B" are two operands, ".A.B" is one. */
  spaced: boolean;
}

const tokenPattern =
  /(\s+)|"((?:[^"\\]|\\.)*)"|`([^`]*)`|(-?\d+(?:\.\d+)?)|\.([A-Za-z_]\w*)|\$(\w*)|([A-Za-z_]\w*)|(:=|[.()|,=])/y;

export function badTemplate(detail: string): EngineError {
  return new EngineError("invalid_argument", `template parsing error: ${detail}`, {
    hint: "see https://docs.docker.com/go/formatting/ for what a format may hold",
  });
}

export function splitTemplate(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimNext = false;
  while (at < source.length) {
    const open = source.indexOf("{{", at);
    let text = open < 0 ? source.slice(at) : source.slice(at, open);
    if (trimNext) text = text.trimStart();
    const close = open < 0 ? -1 : findClose(source, open + 2);
    if (open < 0) {
      pieces.push({ kind: "text", text });
      break;
    }
    let inner = source.slice(open + 2, close);
    if (/^-\s/.test(inner)) {
      text = text.trimEnd();
      inner = inner.slice(1);
    }
    trimNext = /\s-$/.test(inner);
    if (trimNext) inner = inner.slice(0, -1);
    if (text !== "") pieces.push({ kind: "text", text });
    if (!/^\s*\/\*[\s\S]*\*\/\s*$/.test(inner)) {
      pieces.push({ kind: "action", tokens: tokenize(inner) });
    }
    at = close + 2;
  }
  return pieces;
}

/** Position of the "}}" that ends an action; one inside a string does not. */
function findClose(source: string, from: number): number {
  let quote = "";
  for (let i = from; i < source.length; i++) {
    const char = source[i] ?? "";
    if (quote !== "") {
      if (char === "\\" && quote === '"') i++;
      else if (char === quote) quote = "";
    } else if (char === '"' || char === "`") quote = char;
    else if (source.startsWith("}}", i)) return i;
  }
  throw badTemplate("unclosed action");
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let spaced = true;
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < source.length) {
    const start = tokenPattern.lastIndex;
    const match = tokenPattern.exec(source);
    if (!match) throw badTemplate(`unexpected "${source[start] ?? ""}" in "{{${source}}}"`);
    const [, space, quoted, raw, number, field, variable, word, symbol] = match;
    if (space !== undefined) {
      spaced = true;
      continue;
    }
    const push = (kind: Token["kind"], text: string) => tokens.push({ kind, text, spaced });
    if (quoted !== undefined) push("string", parseString(quoted));
    else if (raw !== undefined) push("string", raw);
    else if (number !== undefined) push("number", number);
    else if (field !== undefined) push("field", field);
    else if (variable !== undefined) push("variable", variable);
    else if (word !== undefined) push("word", word);
    else if (symbol !== undefined) push("symbol", symbol);
    spaced = false;
  }
  return tokens;
}

function parseString(text: string): string {
  try {
    return JSON.parse(`"${text.replaceAll("\t", "\\t").replaceAll("\n", "\\n")}"`);
  } catch {
    throw badTemplate(`malformed string "${text}"`);
  }
}
