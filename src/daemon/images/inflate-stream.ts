import { Readable, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EngineError, messageOf } from "../../errors.ts";

/** Beginnings of what an archive may be compressed with. */
const magics = [
  { kind: "gzip", bytes: [0x1f, 0x8b] },
  { kind: "zstd", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { kind: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { kind: "bzip2", bytes: [0x42, 0x5a, 0x68] },
] as const;

export type Compression = (typeof magics)[number]["kind"] | "none";

const longestMagic = 6;
const chunkSize = 1024 * 1024;

/** What bytes are compressed with, by how they begin. */
export function sniff(bytes: Uint8Array): Compression {
  const found = magics.find((magic) => magic.bytes.every((byte, i) => bytes[i] === byte));
  return found?.kind ?? "none";
}

/** Throws invalid_argument for a compression that this engine does not read. */
export function checkCompression(kind: Compression): void {
  if (kind !== "xz" && kind !== "bzip2") return;
  throw new EngineError(
    "invalid_argument",
    `the archive is compressed with ${kind}, which this engine does not read`,
    { hint: `inflate it first: \`${kind} -dc FILE | …\`; gzip and zstd are read as they are` },
  );
}

/** An archive as it was before it was compressed as a whole, if it was. */
export async function* inflate(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { start, rest } = await peek(input);
  const kind = sniff(start);
  checkCompression(kind);
  const whole = prepend(start, rest);
  if (kind === "none") return yield* whole;
  const transform: Transform =
    kind === "gzip" ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize });
  const source = Readable.from(whole, { objectMode: false });
  let broken: unknown;
  source.on("error", (error) => {
    broken = error;
    transform.destroy(error);
  });
  source.pipe(transform);
  try {
    yield* transform as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (broken !== undefined) throw broken;
    throw new EngineError("invalid_argument", `invalid archive: ${kind}: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    source.destroy();
    transform.destroy();
  }
}

async function peek(input: AsyncIterable<Uint8Array>) {
  const rest = input[Symbol.asyncIterator]();
  let start: Uint8Array = new Uint8Array(0);
  while (start.length < longestMagic) {
    const { value, done } = await rest.next();
    if (done) break;
    start = Buffer.concat([start, value]);
  }
  return { start, rest };
}

async function* prepend(
  start: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (start.length > 0) yield start;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
