import { EngineError } from "../../errors.ts";
import { isRecord } from "./json.ts";

/** What a field of a body has to be. */
export type Shape =
  | "string"
  | "boolean"
  | "number"
  | "strings"
  /** A list of strings, or one string for a list of one. */
  | "words"
  | "lists"
  | "numbers"
  | "map"
  | "texts"
  | "objects"
  | Fields
  | ListOf
  | MapOf
  | MapOfLists;

export interface Fields {
  [key: string]: Shape;
}

/** A list of objects, each with these fields. */
export class ListOf {
  readonly fields: Fields;

  constructor(fields: Fields) {
    this.fields = fields;
  }
}

/** An object whose values are objects with these fields, or null. */
export class MapOf {
  readonly fields: Fields;

  constructor(fields: Fields) {
    this.fields = fields;
  }
}

/** An object whose values are lists, or null, of objects with these fields, or null. */
export class MapOfLists {
  readonly fields: Fields;

  constructor(fields: Fields) {
    this.fields = fields;
  }
}

/**
 * Refuses a known field of the wrong type; null counts as absent, unknown fields are left alone. A name in other
 * letters than the shape's, large for small, becomes the shape's, since Docker reads it so and clients came to
 * rely on it.
 */
export function checkShape(value: Record<string, unknown>, shape: Fields, path = ""): void {
  settleNames(value, shape, path);
  for (const [name, wanted] of Object.entries(shape)) {
    const field = value[name];
    if (field === undefined) continue;
    if (field === null) {
      delete value[name];
      continue;
    }
    if (wanted === "words" && typeof field === "string") value[name] = [field];
    if (!fits(value[name], wanted)) {
      throw new EngineError(
        "invalid_argument",
        `invalid request body: field "${path}${name}" is not ${wordsFor(wanted)}`,
      );
    }
    if (wanted instanceof ListOf || wanted instanceof MapOf) {
      for (const [key, item] of Object.entries(field)) {
        if (item !== null) checkShape(item, wanted.fields, `${path}${name}.${key}.`);
      }
    } else if (wanted instanceof MapOfLists) {
      for (const [key, list] of Object.entries(field)) {
        for (const item of list ?? [])
          if (item !== null) checkShape(item, wanted.fields, `${path}${name}.${key}.`);
      }
    } else if (typeof wanted === "object") {
      checkShape(field as Record<string, unknown>, wanted, `${path}${name}.`);
    }
  }
}

function settleNames(value: Record<string, unknown>, shape: Fields, path: string): void {
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(shape, name)) continue;
    const settled = namesOf(shape).get(name.toLowerCase());
    if (settled === undefined) continue;
    if (Object.hasOwn(value, settled)) {
      throw new EngineError(
        "invalid_argument",
        `invalid request body: field "${path}${settled}" is there twice`,
      );
    }
    value[settled] = value[name];
    delete value[name];
  }
}

const smallNames = new WeakMap<Fields, ReadonlyMap<string, string>>();

/** The names of a shape by their small letters. */
function namesOf(shape: Fields): ReadonlyMap<string, string> {
  const known = smallNames.get(shape);
  if (known !== undefined) return known;
  const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
  smallNames.set(shape, names);
  return names;
}

function fits(field: unknown, wanted: Shape): boolean {
  if (wanted === "string" || wanted === "boolean") {
    return typeof field === wanted && !(typeof field === "string" && field.includes("\0"));
  }
  if (wanted === "number") return Number.isSafeInteger(field);
  if (wanted === "strings" || wanted === "words")
    return Array.isArray(field) && field.every((item) => fits(item, "string"));
  if (wanted === "lists")
    return Array.isArray(field) && field.every((item) => fits(item, "strings"));
  if (wanted === "numbers")
    return Array.isArray(field) && field.every((item) => Number.isSafeInteger(item));
  if (wanted === "objects" || wanted instanceof ListOf)
    return Array.isArray(field) && field.every((item) => isRecord(item));
  if (!isRecord(field) || Object.keys(field).some((key) => key.includes("\0"))) return false;
  if (wanted instanceof MapOf)
    return Object.values(field).every((item) => item === null || isRecord(item));
  if (wanted instanceof MapOfLists) return Object.values(field).every(isListOrNull);
  return wanted !== "texts" || Object.values(field).every((item) => fits(item, "string"));
}

function isListOrNull(value: unknown): boolean {
  if (value === null) return true;
  return Array.isArray(value) && value.every((item) => item === null || isRecord(item));
}

function wordsFor(wanted: Shape): string {
  const words = {
    string: "a string",
    boolean: "true or false",
    number: "a whole number",
    strings: "a list of strings",
    words: "a list of strings",
    lists: "a list of lists of strings",
    numbers: "a list of numbers",
    map: "an object",
    texts: "an object of strings",
    objects: "a list of objects",
  };
  if (wanted instanceof ListOf) return words.objects;
  return typeof wanted === "string" ? words[wanted] : "an object";
}
