import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Digest, Digester, parseDigest } from "../../digest.ts";
import { diskError, syncDirectory } from "../../durable.ts";
import { RegistryError } from "./errors.ts";

/** Blobs on their way in: one file each in ROOT/uploads, so that an upload goes on after a restart. */
export class Uploads {
  readonly #root: string;
  /** Uploads that a request writes to at present. */
  readonly #busy = new Set<string>();

  constructor(root: string) {
    this.#root = join(root, "uploads");
  }

  /** Opens a new upload for a repository; the answer is its id, 32 hex digits. */
  async create(name: string): Promise<string> {
    const id = randomBytes(16).toString("hex");
    const path = this.#path(name, id);
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    await (await open(path, "wx", 0o640)).close();
    return id;
  }

  /** Bytes that have arrived. Throws BLOB_UPLOAD_UNKNOWN. */
  async size(name: string, id: string): Promise<number> {
    const found = await stat(this.#path(name, id)).catch(() => undefined);
    if (found === undefined) throw new RegistryError("BLOB_UPLOAD_UNKNOWN", "no such upload");
    return found.size;
  }

  /** Appends a body, at `start` if that is given; the answer is the size thereafter. */
  async append(
    name: string,
    id: string,
    body: ReadableStream<Uint8Array> | null,
    start?: number,
  ): Promise<number> {
    const size = await this.size(name, id);
    if (start !== undefined && start !== size) {
      throw new RegistryError("RANGE_INVALID", `the upload is at byte ${size}`, {
        Range: toRange(size),
      });
    }
    if (body === null) return size;
    return await this.#exclusive(id, async () => {
      const path = this.#path(name, id);
      const file = await open(path, "a");
      let written = size;
      try {
        for await (const chunk of body) {
          await file.appendFile(chunk);
          written += chunk.byteLength;
        }
      } catch (cause) {
        throw diskError(cause, path);
      } finally {
        await file.close();
      }
      return written;
    });
  }

  /** Verifies what has arrived and moves it to `target`. A wrong digest ends the upload. */
  async finish(name: string, id: string, digest: Digest, target: string): Promise<void> {
    await this.#exclusive(id, async () => {
      const path = this.#path(name, id);
      const digester = new Digester(parseDigest(digest).algorithm);
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
        digester.update(chunk as Uint8Array);
      }
      if (digester.digest() !== digest) {
        await rm(path, { force: true });
        throw new RegistryError("DIGEST_INVALID", `the content does not have the digest ${digest}`);
      }
      const file = await open(path, "r+");
      try {
        await file.datasync();
      } finally {
        await file.close();
      }
      await mkdir(dirname(target), { recursive: true, mode: 0o710 });
      await rename(path, target);
      await syncDirectory(dirname(target));
    });
  }

  async cancel(name: string, id: string): Promise<void> {
    await this.size(name, id);
    await rm(this.#path(name, id), { force: true });
  }

  async #exclusive<T>(id: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(id))
      throw new RegistryError("BLOB_UPLOAD_INVALID", "another request writes to this upload");
    this.#busy.add(id);
    try {
      return await work();
    } finally {
      this.#busy.delete(id);
    }
  }

  /** The name is part of the path, so that an id is of use in its own repository alone. */
  #path(name: string, id: string): string {
    return join(this.#root, Bun.hash(name).toString(16), id);
  }
}

/** Docker's form of what has arrived: "0-N", inclusive. */
export function toRange(size: number): string {
  return `0-${Math.max(size - 1, 0)}`;
}
