/** Seeded changes to bytes and to JSON: the same seed gives the same inputs on every machine. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % Math.max(limit, 1);
  }

  of<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }
}

const odd = [
  0, 1, 9, 10, 13, 27, 32, 34, 37, 42, 45, 46, 47, 58, 61, 64, 91, 92, 93, 127, 128, 192, 237, 255,
];

/** Changes, cuts, repeats or joins at any byte. */
export function mutateBytes(seed: Uint8Array, others: Uint8Array[], random: Random): Uint8Array {
  let bytes = Buffer.from(seed);
  for (let left = random.below(4); left >= 0; left--) {
    const at = random.below(bytes.length);
    const end = at + 1 + random.below(24);
    const other = Buffer.from(random.of(others) ?? "");
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    const ways = [
      () => head,
      () => Buffer.concat([head, bytes.subarray(end)]),
      () => Buffer.concat([bytes.subarray(0, end), tail]),
      () => Buffer.concat([head, other.subarray(random.below(other.length)), tail]),
      () => Buffer.concat([head, Buffer.from([random.of(odd) ?? 0]), tail]),
      () => Buffer.concat([head, Buffer.from([random.of(odd) ?? 0]), bytes.subarray(at + 1)]),
      () => Buffer.concat([head, Buffer.from([random.below(256)]), bytes.subarray(at + 1)]),
    ];
    bytes = Buffer.from(random.of(ways)?.() ?? bytes);
  }
  return bytes;
}

const values: readonly unknown[] = [
  ...[
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 53,
    1e308,
    "",
    "x",
    "\u0000",
    "\ud800",
    "\u001b[2J\u202e",
    "../../x",
  ],
  ...[[], {}, [[]], [null], { "": {} }, "x".repeat(5000), `sha256:${"0".repeat(64)}`, "sha256:x"],
];
const names = [
  "__proto__",
  "constructor",
  "toString",
  "",
  "manifests",
  "layers",
  "config",
  "mediaType",
  "Cmd",
];

/** Changes values, names and shapes somewhere in a document; now and then bytes of its text. */
export function mutateJson(seed: Uint8Array, others: Uint8Array[], random: Random): Uint8Array {
  if (random.below(4) === 0) return mutateBytes(seed, others, random);
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(seed).toString());
  } catch {
    return mutateBytes(seed, others, random);
  }
  for (let left = random.below(3); left >= 0; left--) changeSome(document, random);
  return new TextEncoder().encode(JSON.stringify(document));
}

function changeSome(document: unknown, random: Random): void {
  const found = objectsOf(document);
  const object = random.of(found);
  if (object === undefined) return;
  const key = random.of(Object.keys(object)) ?? random.of(names) ?? "";
  const ways = [
    () => set(object, key, random.of(values)),
    () => set(object, random.of(names) ?? "", random.of(values)),
    () => set(object, key, random.of(found)),
    () => void delete object[key],
    () => set(object, random.of(names) ?? "", object[key]),
  ];
  const before = JSON.stringify(document);
  random.of(ways)?.();
  // What now holds itself, or has grown too large to be of use, goes back.
  if ((safeText(document)?.length ?? Number.POSITIVE_INFINITY) > 200_000)
    Object.assign(object, { [key]: before.length });
}

function safeText(document: unknown): string | undefined {
  try {
    return JSON.stringify(document);
  } catch {
    return undefined;
  }
}

function set(object: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value: JSON.parse(JSON.stringify(value) ?? "null"),
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function objectsOf(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  const object = value as Record<string, unknown>;
  return [object, ...Object.values(object).flatMap(objectsOf)];
}
