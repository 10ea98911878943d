import { EngineError } from "../../errors.ts";

/**
 * Regular expressions of clients, matched in time linear in the text: every state that a text can have
 * reached is followed at once (Thompson, "Regular expression search algorithm", 1968), and nothing is ever
 * tried again. JavaScript's own would let a client's `(a+)+$` hold the whole daemon. As in Go's syntax,
 * which Docker uses, there are no back-references and no look-around.
 */
export class Pattern {
  readonly #program: Instruction[];

  /** Throws invalid_argument. */
  constructor(text: string) {
    if (text.length > maxLength) throw refuse(text, `longer than ${maxLength} characters`);
    const compiler = new Compiler(text);
    compiler.add(new Parser(text).parse());
    this.#program = [...compiler.program, { kind: "match" }];
  }

  /** True if any part of the text matches. */
  test(text: string): boolean {
    let states = new Set<number>();
    let seen = new Set<number>();
    for (let at = 0; at <= text.length; at++) {
      this.#follow(0, at, text.length, states, seen);
      const next = new Set<number>();
      const seenNext = new Set<number>();
      for (const state of states) {
        const instruction = this.#program[state];
        if (instruction?.kind === "match") return true;
        if (at < text.length && instruction?.kind === "one" && instruction.test(text[at] ?? ""))
          this.#follow(state + 1, at + 1, text.length, next, seenNext);
      }
      states = next;
      seen = seenNext;
    }
    return false;
  }

  /** Adds a state and those that are reached from it without reading, but for those seen at this place. */
  #follow(start: number, at: number, length: number, states: Set<number>, seen: Set<number>): void {
    const rest = [start];
    for (let state = rest.pop(); state !== undefined; state = rest.pop()) {
      if (seen.has(state)) continue;
      seen.add(state);
      const instruction = this.#program[state];
      if (instruction?.kind === "jump") rest.push(...instruction.to);
      else if (instruction?.kind === "begin") rest.push(...(at === 0 ? [state + 1] : []));
      else if (instruction?.kind === "end") rest.push(...(at === length ? [state + 1] : []));
      else states.add(state);
    }
  }
}

/** As filters of Docker find names and ids: one of the texts itself, or one that fits as a pattern. */
export function buildMatch(texts: readonly string[]): (name: string) => boolean {
  const patterns = texts.map((text) => new Pattern(text));
  return (name) => texts.includes(name) || patterns.some((pattern) => pattern.test(name));
}

const maxLength = 256;
/** Instructions that repetitions like {100} may grow to. */
const maxProgram = 4000;
const maxSteps = 20_000;

type Instruction =
  | { kind: "one"; test(char: string): boolean }
  | { kind: "jump"; to: number[] }
  | { kind: "begin" | "end" | "match" };

type Node =
  | { kind: "one"; test(char: string): boolean }
  | { kind: "begin" | "end" }
  | { kind: "sequence"; items: Node[] }
  | { kind: "choice"; items: Node[] }
  | { kind: "repeat"; item: Node; least: number; most: number };

class Compiler {
  readonly program: Instruction[] = [];
  readonly #text: string;
  /** Counted besides instructions: what is empty adds none, however often it is repeated. */
  #steps = 0;

  constructor(text: string) {
    this.#text = text;
  }

  add(node: Node): void {
    this.#steps += 1;
    if (this.#steps > maxSteps || this.program.length > maxProgram)
      throw refuse(this.#text, "too large");
    if (node.kind === "sequence") {
      for (const item of node.items) this.add(item);
    } else if (node.kind === "choice") {
      this.#addChoice(node.items);
    } else if (node.kind === "repeat") {
      this.#addRepeat(node);
    } else {
      this.program.push(node);
    }
  }

  #addChoice(items: Node[]): void {
    const branch = this.#jump();
    const ends = items.map((item) => {
      branch.to.push(this.program.length);
      this.add(item);
      return this.#jump();
    });
    for (const end of ends) end.to.push(this.program.length);
  }

  #addRepeat({ item, least, most }: Node & { kind: "repeat" }): void {
    for (let count = 0; count < least; count++) this.add(item);
    if (most === Number.POSITIVE_INFINITY) {
      const start = this.program.length;
      const loop = this.#jump(start + 1);
      this.add(item);
      this.#jump(start);
      loop.to.push(this.program.length);
      return;
    }
    for (let count = least; count < most; count++)
      this.#addChoice([item, { kind: "sequence", items: [] }]);
  }

  #jump(...to: number[]): Instruction & { kind: "jump" } {
    const jump = { kind: "jump" as const, to };
    this.program.push(jump);
    return jump;
  }
}

/** Recursive descent over Go's syntax, as far as names of containers can need it. */
class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#at < this.#text.length) throw refuse(this.#text, "unexpected )");
    return node;
  }

  #choice(): Node {
    if (++this.#depth > 50) throw refuse(this.#text, "nested too deeply");
    const items = [this.#sequence()];
    while (this.#take("|")) items.push(this.#sequence());
    this.#depth--;
    return items.length === 1 && items[0] ? items[0] : { kind: "choice", items };
  }

  #sequence(): Node {
    const items: Node[] = [];
    while (this.#at < this.#text.length && !"|)".includes(this.#text[this.#at] ?? ""))
      items.push(this.#repeat(this.#atom()));
    return { kind: "sequence", items };
  }

  #repeat(item: Node): Node {
    let node = item;
    for (;;) {
      const bounds = this.#bounds();
      if (bounds === undefined) return node;
      this.#take("?");
      node = { kind: "repeat", item: node, least: bounds[0], most: bounds[1] };
    }
  }

  #bounds(): [number, number] | undefined {
    if (this.#take("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#take("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#take("?")) return [0, 1];
    const match = /^\{(\d{1,3})(,(\d{0,3}))?\}/.exec(this.#text.slice(this.#at));
    if (!match) return undefined;
    this.#at += match[0].length;
    const least = Number(match[1]);
    if (match[2] === undefined) return [least, least];
    const most = match[3] === "" ? Number.POSITIVE_INFINITY : Number(match[3]);
    if (most < least) throw refuse(this.#text, "invalid repeat count");
    return [least, most];
  }

  #atom(): Node {
    if (this.#take("(")) {
      if (this.#take("?") && !this.#take(":")) throw refuse(this.#text, "unsupported group");
      const node = this.#choice();
      if (!this.#take(")")) throw refuse(this.#text, "missing closing )");
      return node;
    }
    const char = this.#next();
    if (char === "^") return { kind: "begin" };
    if (char === "$") return { kind: "end" };
    if (char === ".") return { kind: "one", test: () => true };
    if (char === "[") return { kind: "one", test: this.#set() };
    if (char === "\\") return { kind: "one", test: this.#escape() };
    if ("*+?".includes(char)) throw refuse(this.#text, "missing argument to repetition operator");
    return { kind: "one", test: (other) => other === char };
  }

  #set(): (char: string) => boolean {
    const negated = this.#take("^");
    const tests: ((char: string) => boolean)[] = [];
    while (tests.length === 0 || this.#text[this.#at] !== "]") {
      const low = this.#next();
      if (low === "\\") {
        tests.push(this.#escape());
      } else if (this.#text[this.#at] === "-" && (this.#text[this.#at + 1] ?? "]") !== "]") {
        this.#at++;
        const high = this.#next();
        if (high < low) throw refuse(this.#text, "invalid character class range");
        tests.push((char) => char >= low && char <= high);
      } else {
        tests.push((char) => char === low);
      }
    }
    this.#at++;
    return (char) => tests.some((test) => test(char)) !== negated;
  }

  #escape(): (char: string) => boolean {
    const char = this.#next();
    const classes: Record<string, RegExp> = {
      d: /\d/,
      w: /\w/,
      s: /\s/,
      D: /\D/,
      W: /\W/,
      S: /\S/,
    };
    const found = classes[char];
    if (found) return (other) => found.test(other);
    if (/[A-Za-z0-9]/.test(char)) throw refuse(this.#text, `invalid escape sequence: \\${char}`);
    return (other) => other === char;
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #next(): string {
    const char = this.#text[this.#at++];
    if (char === undefined) throw refuse(this.#text, "it ends too early");
    return char;
  }
}

function refuse(text: string, reason: string): EngineError {
  const shown = text.length > maxLength ? `${text.slice(0, 32)}…` : text;
  return new EngineError("invalid_argument", `error parsing regexp "${shown}": ${reason}`);
}
