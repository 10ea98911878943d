import type { FileHandle } from "node:fs/promises";
import type { Output } from "../cli/output.ts";
import type { Body } from "../client/http.ts";
import { EngineError } from "../errors.ts";

/** Small pieces are gathered to this many bytes before they are written. */
const gatheredSize = 1024 * 1024;
/** So much is written before the disk is told to begin with it, which it then does beside the writing. */
const syncedSize = 32 * 1024 * 1024;

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
  await pump(body, (pieces) => stdout.pipe(Buffer.concat(pieces)));
}

/** Takes the next pieces while some are written; one write at a time. */
async function pump(body: Body, write: (pieces: Uint8Array[]) => Promise<unknown>): Promise<void> {
  let writing: Promise<unknown> = Promise.resolve();
  for await (const pieces of gather(body)) {
    await writing;
    writing = write(pieces);
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
      const disk = new DiskAhead(file);
      await pump(body, async (pieces) => disk.wrote(await writeAll(file, pieces)));
      await disk.finish();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Has what was written brought to the disk while more is written. */
class DiskAhead {
  readonly #file: FileHandle;
  #written = 0;
  #syncing: Promise<void> | undefined;
  #failure: unknown;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  wrote(size: number): void {
    this.#written += size;
    if (this.#written < syncedSize || this.#syncing !== undefined) return;
    this.#written = 0;
    this.#syncing = this.#file
      .datasync()
      .catch((error) => {
        // The kernel tells of a write that failed once only.
        this.#failure ??= error;
      })
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  /** Resolves when all of it is there. */
  async finish(): Promise<void> {
    await this.#syncing;
    await this.#file.sync();
    if (this.#failure !== undefined) throw this.#failure;
  }
}

async function writeAll(file: FileHandle, pieces: Uint8Array[]): Promise<number> {
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const { bytesWritten } = await file.writev(pieces);
  // A disk that is nearly full takes a part; the next write says why.
  if (bytesWritten < size) await file.writeFile(Buffer.concat(pieces).subarray(bytesWritten));
  return size;
}

async function* gather(body: Body): AsyncGenerator<Uint8Array[]> {
  let held: Uint8Array[] = [];
  let size = 0;
  for (let chunk = await body.next(); chunk; chunk = await body.next()) {
    held.push(chunk);
    size += chunk.length;
    if (size < gatheredSize) continue;
    yield held;
    [held, size] = [[], 0];
  }
  if (size > 0) yield held;
}
