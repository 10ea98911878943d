import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, type DigestAlgorithm, Digester, parseDigest } from "../../digest.ts";
import type { ContentStore } from "../../layout.ts";
import { appendTo } from "./append.ts";
import { RegistryError } from "./replies.ts";
import type { Repositories } from "./repositories.ts";

const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Uploads nobody has touched for so long are swept away. */
const abandonedMs = 24 * 3600 * 1000;
/** More at once than any client needs; a flood of beginnings ends here. */
const maxOpen = 4096;

interface Upload {
  /** The running hash; lost with the process, and then made again from the file. */
  digester: Digester | undefined;
  busy: boolean;
}

/** Where a chunk goes, and how long it must be if that is known. */
export interface ChunkRange {
  start: number;
  length: number | undefined;
}

/** Blobs on their way in: one growing file each, `uploads/UUID.REPOSITORY`, the latter hashed. */
export class UploadStore {
  readonly #directory: string;
  readonly #repositories: Repositories;
  readonly #content: ContentStore;
  /** By the name of the file. */
  readonly #open = new Map<string, Upload>();

  private constructor(directory: string, repositories: Repositories, content: ContentStore) {
    this.#directory = directory;
    this.#repositories = repositories;
    this.#content = content;
  }

  static async open(
    root: string,
    repositories: Repositories,
    content: ContentStore,
  ): Promise<UploadStore> {
    const store = new UploadStore(join(root, "uploads"), repositories, content);
    await mkdir(store.#directory, { recursive: true, mode: 0o710 });
    for (const file of await readdir(store.#directory))
      store.#open.set(file, { digester: undefined, busy: false });
    return store;
  }

  /** Begins an upload and returns its id. Throws TOOMANYREQUESTS. */
  async create(name: string, algorithm: DigestAlgorithm): Promise<string> {
    if (this.#open.size >= maxOpen) {
      throw new RegistryError("TOOMANYREQUESTS", "too many uploads are open", {
        headers: { "retry-after": "30" },
      });
    }
    const id = randomUUID();
    const file = fileOf(name, id);
    this.#open.set(file, { digester: new Digester(algorithm), busy: false });
    try {
      await (await open(join(this.#directory, file), "wx", 0o640)).close();
    } catch (cause) {
      this.#open.delete(file);
      throw cause;
    }
    return id;
  }

  /** Bytes received so far. Throws BLOB_UPLOAD_UNKNOWN. */
  async size(name: string, id: string): Promise<number> {
    this.#find(name, id);
    return await this.#sizeOf(fileOf(name, id));
  }

  /**
   * Appends a body where the upload stands. What arrived before a connection broke is kept, to be resumed; of a
   * chunk that is not as long as it says nothing is. Returns the new size.
   */
  async append(
    name: string,
    id: string,
    body: AsyncIterable<Uint8Array> | null,
    range: ChunkRange | undefined,
  ): Promise<number> {
    return await this.#alone(name, id, async (upload, file) => {
      const before = await this.#sizeOf(file);
      if (range !== undefined && range.start !== before) {
        throw new RegistryError("BLOB_UPLOAD_INVALID", `the upload stands at byte ${before}`, {
          status: 416,
          headers: uploadHeaders(name, id, before),
        });
      }
      if (body === null) return before;
      const path = join(this.#directory, file);
      if (upload.digester?.size !== before) upload.digester = undefined;
      const after = await appendTo(path, before, body, {
        digester: upload.digester,
        limit: range?.length,
      });
      if (range?.length === undefined || after - before === range.length) return after;
      upload.digester = undefined;
      await truncate(path, before);
      const text = "the chunk is not as long as its Content-Range says";
      throw new RegistryError("SIZE_INVALID", text);
    });
  }

  /** Ends an upload: verifies it and moves it into the content store. Throws DIGEST_INVALID and keeps nothing. */
  async commit(name: string, id: string, digest: Digest): Promise<void> {
    await this.#alone(name, id, async ({ digester }, file) => {
      const path = join(this.#directory, file);
      const isHashed =
        digester?.size === (await this.#sizeOf(file)) &&
        digester.algorithm === parseDigest(digest).algorithm;
      const actual = isHashed ? digester.digest() : await hashFile(path, digest);
      try {
        if (actual !== digest) {
          const text = "the content does not have the given digest";
          throw new RegistryError("DIGEST_INVALID", text);
        }
        await syncFile(path);
        await this.#repositories.exclusively(async () => {
          await this.#content.adopt(path, digest);
          await this.#repositories.link(name, "_blobs", digest);
        });
      } finally {
        this.#open.delete(file);
        await rm(path, { force: true });
      }
    });
  }

  async cancel(name: string, id: string): Promise<void> {
    await this.#alone(name, id, (_, file) => this.#remove(file));
  }

  /** Removes uploads that were abandoned long ago. */
  async sweep(now: number): Promise<void> {
    for (const [file, { busy }] of this.#open) {
      const found = await stat(join(this.#directory, file)).catch(() => undefined);
      const isOld = found === undefined || now - found.mtimeMs > abandonedMs;
      if (isOld && !busy) await this.#remove(file);
    }
  }

  async #remove(file: string): Promise<void> {
    this.#open.delete(file);
    await rm(join(this.#directory, file), { force: true });
  }

  async #sizeOf(file: string): Promise<number> {
    const found = await stat(join(this.#directory, file)).catch(() => undefined);
    if (found === undefined) throw unknown();
    return found.size;
  }

  #find(name: string, id: string): Upload {
    const upload = idPattern.test(id) ? this.#open.get(fileOf(name, id)) : undefined;
    if (upload === undefined) throw unknown();
    return upload;
  }

  /** Two requests that write one upload at once would mix their bytes. */
  async #alone<T>(
    name: string,
    id: string,
    use: (upload: Upload, file: string) => Promise<T>,
  ): Promise<T> {
    const upload = this.#find(name, id);
    if (upload.busy) {
      const text = "the upload is in use by another request";
      throw new RegistryError("BLOB_UPLOAD_INVALID", text, { status: 409 });
    }
    upload.busy = true;
    try {
      return await use(upload, fileOf(name, id));
    } finally {
      upload.busy = false;
    }
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

/** An upload belongs to its repository: asked for through another, it is unknown. */
function fileOf(name: string, id: string): string {
  return `${id}.${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.datasync();
  } finally {
    await file.close();
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
