import { badTemplate, type Piece, splitTemplate, type Token } from "./lexer.ts";

/** A value: one operand, or a function with operands; `fields` are looked up in the result. */
export type Operand =
  | { kind: "dot" }
  | { kind: "literal"; value: string | number | boolean | undefined }
  | { kind: "variable"; name: string }
  | { kind: "function"; name: string }
  | { kind: "pipeline"; pipeline: Command[] }
  | { kind: "chain"; base: Operand; fields: string[] };

/** The first operand with the rest as its arguments. */
export type Command = Operand[];

export type Node =
  | { kind: "text"; text: string }
  | { kind: "print"; declare: string[]; assign: boolean; pipeline: Command[] }
  | {
      kind: "if" | "with" | "range";
      declare: string[];
      pipeline: Command[];
      body: Node[];
      otherwise: Node[];
    };

/** Parses a Go template; throws EngineError with Docker's "template parsing error". */
export function parseTemplate(source: string): Node[] {
  const parser = new Parser(splitTemplate(source));
  const nodes = parser.list();
  if (parser.ended !== "") throw badTemplate(`unexpected {{${parser.ended}}}`);
  return nodes;
}

class Parser {
  readonly #pieces: Piece[];
  #at = 0;
  /** Keyword that ended the last list: "else", "end", or "" at the end of the source. */
  ended = "";
  #elseTokens: Token[] = [];

  constructor(pieces: Piece[]) {
    this.#pieces = pieces;
  }

  list(): Node[] {
    const nodes: Node[] = [];
    this.ended = "";
    while (this.#at < this.#pieces.length) {
      const piece = this.#pieces[this.#at++];
      if (!piece) break;
      if (piece.kind === "text") {
        nodes.push(piece);
        continue;
      }
      const [first, ...rest] = piece.tokens;
      if (first === undefined) throw badTemplate("missing value for command");
      const keyword = first.kind === "word" ? first.text : "";
      if (keyword === "end" || keyword === "else") {
        this.ended = keyword;
        this.#elseTokens = rest;
        return nodes;
      }
      if (keyword === "if" || keyword === "with" || keyword === "range") {
        nodes.push(this.#block(keyword, rest));
      } else nodes.push({ kind: "print", ...parseDeclared(piece.tokens) });
    }
    return nodes;
  }

  #block(kind: "if" | "with" | "range", tokens: Token[]): Node {
    const { declare, pipeline } = parseDeclared(tokens);
    const body = this.list();
    let otherwise: Node[] = [];
    if (this.ended === "else") {
      const [next, ...rest] = this.#elseTokens;
      if (next?.kind === "word" && (next.text === "if" || next.text === "with")) {
        // "else if" shares the end of its outer block.
        return { kind, declare, pipeline, body, otherwise: [this.#block(next.text, rest)] };
      }
      otherwise = this.list();
    }
    if (this.ended !== "end") throw badTemplate(`unexpected EOF: {{${kind}}} without {{end}}`);
    this.ended = "";
    return { kind, declare, pipeline, body, otherwise };
  }
}

/** "$x := pipeline", "$i, $x := pipeline", "$x = pipeline" or a pipeline alone. */
function parseDeclared(tokens: Token[]) {
  const mark = tokens.findIndex(({ kind, text }) => kind === "symbol" && /^:?=$/.test(text));
  if (mark < 0) return { declare: [], assign: false, pipeline: parsePipeline(tokens) };
  const declare = tokens.slice(0, mark).filter(({ text }) => text !== ",");
  if (declare.length === 0 || declare.length > 2 || declare.some((t) => t.kind !== "variable")) {
    throw badTemplate("expected variables before :=");
  }
  const pipeline = parsePipeline(tokens.slice(mark + 1));
  return { declare: declare.map((t) => t.text), assign: tokens[mark]?.text === "=", pipeline };
}

function parsePipeline(tokens: Token[]): Command[] {
  const cursor = { tokens, at: 0 };
  const pipeline = readPipeline(cursor);
  if (cursor.at < tokens.length) throw badTemplate(`unexpected "${tokens[cursor.at]?.text}"`);
  return pipeline;
}

interface Cursor {
  tokens: Token[];
  at: number;
}

function readPipeline(cursor: Cursor): Command[] {
  const commands: Command[] = [];
  let command: Command = [];
  while (cursor.at < cursor.tokens.length) {
    const token = cursor.tokens[cursor.at];
    if (!token || (token.kind === "symbol" && token.text === ")")) break;
    if (token.kind === "symbol" && token.text === "|") {
      if (command.length === 0) throw badTemplate("missing value for command");
      commands.push(command);
      command = [];
      cursor.at++;
    } else command.push(readOperand(cursor));
  }
  if (command.length === 0) throw badTemplate("missing value for command");
  return [...commands, command];
}

function readOperand(cursor: Cursor): Operand {
  const base = readBase(cursor);
  const fields: string[] = [];
  for (let next = cursor.tokens[cursor.at]; next; next = cursor.tokens[cursor.at]) {
    if (next.kind !== "field" || next.spaced) break;
    fields.push(next.text);
    cursor.at++;
  }
  if (fields.length === 0) return base;
  if (base.kind === "chain") return { ...base, fields: [...base.fields, ...fields] };
  return { kind: "chain", base, fields };
}

const words: Record<string, string | boolean | undefined> = { true: true, false: false };

function readBase(cursor: Cursor): Operand {
  const token = cursor.tokens[cursor.at++];
  if (!token) throw badTemplate("missing value for command");
  const { kind, text } = token;
  if (kind === "string") return { kind: "literal", value: text };
  if (kind === "number") return { kind: "literal", value: Number(text) };
  if (kind === "field") return { kind: "chain", base: { kind: "dot" }, fields: [text] };
  if (kind === "variable") return { kind: "variable", name: text };
  if (kind === "word") {
    if (text === "nil") return { kind: "literal", value: undefined };
    if (Object.hasOwn(words, text)) return { kind: "literal", value: words[text] };
    return { kind: "function", name: text };
  }
  if (text === ".") return { kind: "dot" };
  if (text !== "(") throw badTemplate(`unexpected "${text}" in operand`);
  const pipeline = readPipeline(cursor);
  const end = cursor.tokens[cursor.at++];
  if (end?.text !== ")") throw badTemplate("unclosed left paren");
  return { kind: "pipeline", pipeline };
}
