import { findFunction, formatValue, isTrue } from "./functions.ts";
import { badTemplate } from "./lexer.ts";
import { type Command, type Node, type Operand, parseTemplate } from "./parser.ts";

/**
 * Go's text/template as far as --format needs it: fields, variables, pipelines, if, with, range, and
 * the functions of functions.ts. Values are those of JSON; a function among them is a method.
 */
export class Template {
  readonly #nodes: Node[];

  /** Throws EngineError when the source cannot be parsed. */
  constructor(source: string) {
    this.#nodes = parseTemplate(source);
  }

  /** Throws EngineError when the template asks for what `data` has not. */
  execute(data: unknown): string {
    const scope = new Scope(undefined);
    scope.declare("", data);
    return runNodes(this.#nodes, data, scope);
  }
}

class Scope {
  readonly #outer: Scope | undefined;
  readonly #values = new Map<string, unknown>();

  constructor(outer: Scope | undefined) {
    this.#outer = outer;
  }

  declare(name: string, value: unknown): void {
    this.#values.set(name, value);
  }

  assign(name: string, value: unknown): void {
    if (this.#values.has(name)) this.#values.set(name, value);
    else if (this.#outer) this.#outer.assign(name, value);
    else throw badTemplate(`undefined variable "$${name}"`);
  }

  get(name: string): unknown {
    if (this.#values.has(name)) return this.#values.get(name);
    if (!this.#outer) throw badTemplate(`undefined variable "$${name}"`);
    return this.#outer.get(name);
  }
}

function runNodes(nodes: Node[], dot: unknown, scope: Scope): string {
  let out = "";
  for (const node of nodes) out += runNode(node, dot, scope);
  return out;
}

function runNode(node: Node, dot: unknown, scope: Scope): string {
  if (node.kind === "text") return node.text;
  const value = evaluate(node.pipeline, dot, scope);
  if (node.kind === "print") {
    const [name] = node.declare;
    if (name === undefined) return formatValue(value);
    if (node.assign) scope.assign(name, value);
    else scope.declare(name, value);
    return "";
  }
  if (node.kind === "range") return runRange(node, value, dot, scope);
  const inner = new Scope(scope);
  if (node.declare[0] !== undefined) inner.declare(node.declare[0], value);
  if (!isTrue(value)) return runNodes(node.otherwise, dot, inner);
  return runNodes(node.body, node.kind === "with" ? value : dot, inner);
}

function runRange(
  node: Extract<Node, { kind: "if" | "with" | "range" }>,
  value: unknown,
  dot: unknown,
  scope: Scope,
): string {
  const entries = toEntries(value);
  if (entries.length === 0) return runNodes(node.otherwise, dot, new Scope(scope));
  let out = "";
  for (const [key, item] of entries) {
    const inner = new Scope(scope);
    const [first, second] = node.declare;
    if (second !== undefined && first !== undefined) {
      inner.declare(first, key);
      inner.declare(second, item);
    } else if (first !== undefined) inner.declare(first, item);
    out += runNodes(node.body, item, inner);
  }
  return out;
}

function toEntries(value: unknown): [unknown, unknown][] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((item, index) => [index, item]);
  if (typeof value === "object") {
    return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  }
  throw badTemplate(`range can't iterate over ${formatValue(value)}`);
}

function evaluate(pipeline: Command[], dot: unknown, scope: Scope): unknown {
  let value: unknown;
  pipeline.forEach((command, index) => {
    value = runCommand(command, index === 0 ? [] : [value], dot, scope);
  });
  return value;
}

function runCommand(command: Command, piped: unknown[], dot: unknown, scope: Scope): unknown {
  const [head, ...rest] = command;
  if (!head) throw badTemplate("missing value for command");
  const args = [...rest.map((operand) => resolve(operand, [], dot, scope)), ...piped];
  if (head.kind !== "function" && head.kind !== "chain" && args.length > 0) {
    throw badTemplate("can't give argument to non-function");
  }
  return resolve(head, args, dot, scope);
}

function resolve(operand: Operand, args: unknown[], dot: unknown, scope: Scope): unknown {
  if (operand.kind === "dot") return dot;
  if (operand.kind === "literal") return operand.value;
  if (operand.kind === "variable") return scope.get(operand.name);
  if (operand.kind === "pipeline") return evaluate(operand.pipeline, dot, scope);
  if (operand.kind === "function") return findFunction(operand.name)(...args);
  let value = resolve(operand.base, [], dot, scope);
  operand.fields.forEach((field, index) => {
    value = getField(value, field, index === operand.fields.length - 1 ? args : []);
  });
  return value;
}

/** A member by its name; Go's names differ from JSON's in case alone (ID, Id). */
function getField(value: unknown, name: string, args: unknown[]): unknown {
  if (value === null || value === undefined) {
    throw badTemplate(`nil value has no field "${name}"`);
  }
  if (typeof value !== "object") {
    throw badTemplate(`can't evaluate field ${name} in "${formatValue(value)}"`);
  }
  const members = Object.entries(value);
  const found =
    members.find(([member]) => member === name) ??
    members.find(([member]) => member.toLowerCase() === name.toLowerCase());
  if (!found) throw badTemplate(`no field "${name}"; there are: ${Object.keys(value).join(", ")}`);
  const member: unknown = found[1];
  if (typeof member === "function") return member(...args);
  if (args.length > 0) throw badTemplate(`can't give argument to field ${name}`);
  return member;
}
