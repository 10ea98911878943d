/** JSON as hostile clients write it: text that no serializer gives, such as 1e400 or a key that comes twice. */

export type Json = Raw | Fields | readonly Json[] | string | number | boolean | null;

/** Written as it is. */
export class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An object as a list, in which a key may come more than once. */
export class Fields {
  readonly pairs: [string, Json][];

  constructor(pairs: [string, Json][]) {
    this.pairs = pairs;
  }

  static of(record: Record<string, Json>): Fields {
    return new Fields(Object.entries(record));
  }
}

export function writeJson(value: Json): string {
  if (value instanceof Raw) return value.text;
  if (value instanceof Fields) {
    const pairs = value.pairs.map(([key, item]) => `${JSON.stringify(key)}:${writeJson(item)}`);
    return `{${pairs.join(",")}}`;
  }
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(writeJson).join(",")}]`;
  return JSON.stringify(value);
}

/** Nested this deeply, closed properly. */
export function nested(levels: number, open: "[" | '{"a":'): Raw {
  return new Raw(`${open.repeat(levels)}1${(open === "[" ? "]" : "}").repeat(levels)}`);
}
