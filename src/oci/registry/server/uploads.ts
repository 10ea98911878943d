import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Digest, Digester, parseDigest } from "../../digest.ts";
import { syncDirectory } from "../../durable.ts";
import type { ContentStore } from "../../layout.ts";
import { RegistryError } from "./replies.ts";
import type { Repositories } from "./repositories.ts";

const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Uploads nobody has touched for so long are swept away. */
const abandonedMs = 7 * 24 * 3600 * 1000;

/** The running hash of an upload; lost with the process, and then made again from the file. */
interface Progress {
  digester: Digester;
  busy: boolean;
}

/** Blobs on their way in: one growing file each, `repositories/NAME/_uploads/UUID`. */
export class Uploads {
  readonly #repositories: Repositories;
  readonly #content: ContentStore;
  readonly #progress = new Map<string, Progress>();

  constructor(repositories: Repositories, content: ContentStore) {
    this.#repositories = repositories;
    this.#content = content;
  }

  /** Begins an upload and returns its id. */
  async create(name: string): Promise<string> {
    const id = randomUUID();
    const path = this.#path(name, id);
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, "wx", 0o640);
    await file.close();
    this.#progress.set(path, { digester: new Digester(), busy: false });
    return id;
  }

  /** Bytes received so far. Throws BLOB_UPLOAD_UNKNOWN. */
  async size(name: string, id: string): Promise<number> {
    try {
      return (await stat(this.#path(name, id))).size;
    } catch {
      throw unknown();
    }
  }

  /**
   * Appends a body; `start`, if given, must be where the upload stands. What arrived before a connection
   * broke is kept, to be resumed. Returns the new size.
   */
  async append(
    name: string,
    id: string,
    body: AsyncIterable<Uint8Array> | null,
    range: { start: number; length: number | undefined } | undefined,
  ): Promise<number> {
    const path = this.#path(name, id);
    return this.#alone(path, async () => {
      const before = await this.size(name, id);
      if (range !== undefined && range.start !== before) {
        throw new RegistryError("RANGE_INVALID", `the upload stands at byte ${before}`, {
          headers: uploadHeaders(name, id, before),
        });
      }
      if (body === null) return before;
      const progress = this.#progress.get(path);
      const digester = progress?.digester.size === before ? progress.digester : undefined;
      if (digester === undefined) this.#progress.delete(path);
      const after = await appendTo(path, before, body, digester);
      if (range?.length !== undefined && after - before !== range.length) {
        throw new RegistryError(
          "SIZE_INVALID",
          "the chunk is not as long as its Content-Range says",
        );
      }
      return after;
    });
  }

  /** Ends an upload: verifies it and moves it into the content store. Throws DIGEST_INVALID and keeps nothing. */
  async commit(name: string, id: string, digest: Digest): Promise<void> {
    const path = this.#path(name, id);
    await this.#alone(path, async () => {
      const size = await this.size(name, id);
      const digester = this.#progress.get(path)?.digester;
      const actual =
        digester?.size === size && parseDigest(digest).algorithm === digester.algorithm
          ? digester.digest()
          : await hashFile(path, digest);
      this.#progress.delete(path);
      if (actual !== digest) {
        await rm(path, { force: true });
        throw new RegistryError("DIGEST_INVALID", "the content does not have the given digest");
      }
      await this.#repositories.exclusively(() => this.#adopt(name, path, digest));
    });
  }

  async cancel(name: string, id: string): Promise<void> {
    await this.size(name, id);
    const path = this.#path(name, id);
    this.#progress.delete(path);
    await rm(path, { force: true });
  }

  /** Removes uploads that were abandoned long ago. */
  async sweep(now = Date.now()): Promise<void> {
    for (const name of await this.#repositories.names()) {
      const directory = join(this.#repositories.directory(name), "_uploads");
      for (const id of await readdir(directory).catch(() => [])) {
        const path = join(directory, id);
        const found = await stat(path).catch(() => undefined);
        if (found !== undefined && now - found.mtimeMs > abandonedMs)
          await rm(path, { force: true });
      }
    }
  }

  async #adopt(name: string, path: string, digest: Digest): Promise<void> {
    const target = this.#content.path(digest);
    const file = await open(path, "r");
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
    await mkdir(dirname(target), { recursive: true });
    await rename(path, target);
    await syncDirectory(dirname(target));
    await this.#repositories.link(name, "_blobs", digest);
  }

  /** Two requests that write one upload at once would mix their bytes. */
  async #alone<T>(path: string, use: () => Promise<T>): Promise<T> {
    const progress = this.#progress.get(path) ?? { digester: new Digester(), busy: false };
    if (progress.busy) {
      throw new RegistryError("BLOB_UPLOAD_INVALID", "the upload is in use by another request", {
        status: 409,
      });
    }
    progress.busy = true;
    this.#progress.set(path, progress);
    try {
      return await use();
    } finally {
      progress.busy = false;
    }
  }

  #path(name: string, id: string): string {
    if (!idPattern.test(id)) throw unknown();
    return join(this.#repositories.directory(name), "_uploads", id);
  }
}

/** The headers that tell a client where an upload is and how far it has come. */
export function uploadHeaders(name: string, id: string, size: number): Record<string, string> {
  return {
    location: `/v2/${name}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, size - 1)}`,
    "docker-upload-uuid": id,
  };
}

async function appendTo(
  path: string,
  start: number,
  body: AsyncIterable<Uint8Array>,
  digester: Digester | undefined,
): Promise<number> {
  const file = await open(path, "r+");
  let position = start;
  try {
    for await (const chunk of body) {
      await writeAll(file, chunk, position);
      digester?.update(chunk);
      position += chunk.byteLength;
    }
    return position;
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    done += (await file.write(chunk, done, chunk.byteLength - done, position + done)).bytesWritten;
  }
}

async function hashFile(path: string, digest: Digest): Promise<Digest> {
  const digester = new Digester(parseDigest(digest).algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
    digester.update(chunk);
  return digester.digest();
}

function unknown(): RegistryError {
  return new RegistryError("BLOB_UPLOAD_UNKNOWN", "no such upload");
}
