import type { Output } from "../cli/output.ts";
import type { Body } from "../client/http.ts";
import { EngineError } from "../errors.ts";

/** Small pieces are joined to this many bytes before they are written. */
const pieceSize = 1024 * 1024;

/** Refuses a place that no archive can go to, in Docker's words and before anything is asked. */
export async function checkDestination(file: string | undefined): Promise<void> {
  const { isTerminal } = await import("../cli/terminal.ts");
  if (!file && isTerminal(1)) {
    const text = "cowardly refusing to save to a terminal. Use the -o flag or redirect";
    throw new EngineError("invalid_argument", text);
  }
  if (file) await (await import("./copy/local.ts")).checkOutput(file);
}

/** Writes an archive to a file, or to stdout. */
export async function writeArchive(
  body: Body,
  file: string | undefined,
  stdout: Output,
): Promise<void> {
  if (file) return await saveTo(body, file);
  await pump(body, (piece) => stdout.pipe(piece));
}

/** Takes the next piece while one is written; one is written at a time. */
async function pump(body: Body, write: (piece: Uint8Array) => Promise<unknown>): Promise<void> {
  let writing: Promise<unknown> = Promise.resolve();
  for await (const piece of pieces(body)) {
    await writing;
    writing = write(piece);
    // Thrown where it is waited for, which may be late.
    writing.catch(() => {});
  }
  await writing;
}

/** The file has its name once it is whole. */
async function saveTo(body: Body, path: string): Promise<void> {
  const { open, rename, rm } = await import("node:fs/promises");
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await pump(body, (piece) => file.writeFile(piece));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function* pieces(body: Body): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let size = 0;
  for (let chunk = await body.next(); chunk; chunk = await body.next()) {
    held.push(chunk);
    size += chunk.length;
    if (size < pieceSize) continue;
    yield Buffer.concat(held);
    [held, size] = [[], 0];
  }
  if (size > 0) yield Buffer.concat(held);
}
