import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { EngineError } from "../errors.ts";
import { type Digest, Digester, parseDigest } from "./digest.ts";
import { diskError, syncDirectory } from "./durable.ts";

export interface IngestOptions {
  digest: Digest;
  /** Declared size in bytes; more is refused. */
  size: number;
  /** The partial file. */
  path: string;
  /** Where the blob goes once it is whole. */
  target: string;
  /** Called once when the ingest has ended, either way. */
  released: () => void;
}

/** What the writer has seen of the content, if somebody else has hashed it (the native extractor does). */
export type Verified = { digest: Digest; size: number } | { verify: true };

/**
 * A blob on its way into the store. Ends with `commit` or `abort`; after either it is of no use.
 * Writes are made in order, one at a time.
 */
export class Ingest {
  readonly digest: Digest;
  readonly size: number;
  /** The growing file; readers may follow it. */
  readonly path: string;
  readonly #target: string;
  readonly #released: () => void;
  #file: FileHandle | undefined;
  #offset: number;

  private constructor(options: IngestOptions, file: FileHandle, offset: number) {
    this.digest = options.digest;
    this.size = options.size;
    this.path = options.path;
    this.#target = options.target;
    this.#released = options.released;
    this.#file = file;
    this.#offset = offset;
  }

  static async open(options: IngestOptions): Promise<Ingest> {
    // "a+" would ignore positions; the file is made if absent and kept if present.
    const file = await open(options.path, "r+").catch(() => open(options.path, "w+", 0o640));
    try {
      let offset = (await file.stat()).size;
      if (offset > options.size) {
        await file.truncate(0);
        offset = 0;
      }
      return new Ingest(options, file, offset);
    } catch (cause) {
      await file.close().catch(() => undefined);
      throw cause;
    }
  }

  /** Bytes in the file: where to resume, then what was written in all. */
  get offset(): number {
    return this.#offset;
  }

  /** Appends. Throws invalid_argument beyond the declared size, unavailable when the disk is full. */
  async write(chunk: Uint8Array): Promise<void> {
    const file = this.#open();
    if (this.#offset + chunk.byteLength > this.size) {
      throw new EngineError(
        "invalid_argument",
        `content ${this.digest} is larger than the declared ${this.size} bytes`,
      );
    }
    try {
      for (let done = 0; done < chunk.byteLength; ) {
        const { bytesWritten } = await file.write(
          chunk,
          done,
          chunk.byteLength - done,
          this.#offset,
        );
        done += bytesWritten;
        this.#offset += bytesWritten;
      }
    } catch (cause) {
      throw diskError(cause, this.path);
    }
  }

  /** Starts again from nothing (the registry could not resume, or what was there is wrong). */
  async reset(): Promise<void> {
    await this.#open().truncate(0);
    this.#offset = 0;
  }

  /**
   * Makes the blob visible. With `verify: true` the file is read and hashed here; otherwise the caller hands
   * in the digest and size that it has computed from this very file. A mismatch removes the partial file and
   * throws invalid_argument.
   */
  async commit(seen: Verified): Promise<void> {
    const file = this.#open();
    try {
      const actual = "verify" in seen ? await this.#hash() : seen;
      if (
        actual.size !== this.size ||
        actual.digest !== this.digest ||
        this.#offset !== this.size
      ) {
        throw new EngineError("invalid_argument", mismatch(this.digest, this.size, actual));
      }
      await file.datasync();
      await rename(this.path, this.#target);
    } catch (cause) {
      await this.abort();
      throw diskError(cause, this.path);
    }
    await this.#close();
    await syncDirectory(dirname(this.#target));
  }

  /** Gives up. With `keep` the bytes stay, for a later ingest to resume. Never throws. */
  async abort(keep = false): Promise<void> {
    if (this.#file === undefined) return;
    await this.#close();
    if (!keep || (await isEmpty(this.path)))
      await rm(this.path, { force: true }).catch(() => undefined);
  }

  async #hash(): Promise<{ digest: Digest; size: number }> {
    const digester = new Digester(parseDigest(this.digest).algorithm);
    for await (const chunk of createReadStream(this.path, { highWaterMark: 1 << 20 })) {
      digester.update(chunk);
    }
    return { size: digester.size, digest: digester.digest() };
  }

  #open(): FileHandle {
    if (this.#file === undefined)
      throw new EngineError("internal", `ingest of ${this.digest} has ended`);
    return this.#file;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    this.#released();
    await file.close().catch(() => undefined);
  }
}

function mismatch(digest: Digest, size: number, actual: { digest: Digest; size: number }): string {
  return actual.size !== size
    ? `content ${digest} has the wrong size: expected ${size} bytes, got ${actual.size}`
    : `content has the wrong digest: expected ${digest}, got ${actual.digest}`;
}

async function isEmpty(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.size === 0;
}
