import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EngineError } from "../errors.ts";
import type { Descriptor } from "./descriptor.ts";
import { type Digest, Digester, isDigest, parseDigest } from "./digest.ts";
import { isHalfWritten, syncDirectory, writeFileAtomic } from "./durable.ts";
import { Ingest } from "./ingest.ts";
import { ociIndex } from "./media-types.ts";

/** A manifest that the layout names, so that skopeo, umoci and crane can find it. */
export interface LayoutEntry {
  /** mediaType, digest and size; annotations and platform are kept. */
  descriptor: Descriptor;
  /** Written as org.opencontainers.image.ref.name: "docker.io/library/hello-world:latest". */
  name?: string;
}

export const refNameAnnotation = "org.opencontainers.image.ref.name";

/**
 * Content by digest, kept as an OCI image layout: `oci-layout`, `index.json`, `blobs/<algorithm>/<hex>`, and
 * `ingest/<digest>.partial` for what is on its way. A blob is visible only whole, verified and on the disk.
 */
export class ContentStore {
  readonly root: string;
  #nextIndex: Promise<void> = Promise.resolve();
  readonly #ingesting = new Set<Digest>();

  private constructor(root: string) {
    this.root = root;
  }

  /** Opens a store, making what is missing. */
  static async open(root: string): Promise<ContentStore> {
    const store = new ContentStore(root);
    await mkdir(join(root, "blobs", "sha256"), { recursive: true, mode: 0o710 });
    await mkdir(join(root, "ingest"), { recursive: true, mode: 0o710 });
    if (!(await exists(join(root, "index.json")))) await store.setIndex([]);
    if (!(await exists(join(root, "oci-layout")))) {
      await writeFileAtomic(join(root, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    }
    return store;
  }

  /** Where a blob is, or would be. Throws invalid_argument for what is no digest. */
  path(digest: Digest): string {
    const { algorithm, hex } = parseDigest(digest);
    return join(this.root, "blobs", algorithm, hex);
  }

  async has(digest: Digest): Promise<boolean> {
    return exists(this.path(digest));
  }

  async hasAll(digests: readonly Digest[]): Promise<boolean> {
    return (await Promise.all(digests.map((digest) => this.has(digest)))).every(Boolean);
  }

  /** Size in bytes, or undefined if the store has no such blob. */
  async size(digest: Digest): Promise<number | undefined> {
    try {
      return (await stat(this.path(digest))).size;
    } catch (cause) {
      if (isAbsent(cause)) return undefined;
      throw cause;
    }
  }

  /** When it was put where it is; undefined if it is not there. */
  async changedAt(digest: Digest): Promise<Date | undefined> {
    return (await stat(this.path(digest)).catch(() => undefined))?.ctime;
  }

  /** A small blob, verified as it is read. Throws not_found, or invalid_argument beyond `cap` bytes or if it rotted. */
  async read(digest: Digest, cap: number): Promise<Uint8Array> {
    const size = await this.size(digest);
    if (size === undefined) throw new EngineError("not_found", `no such content: ${digest}`);
    if (size > cap) {
      throw new EngineError("invalid_argument", `content ${digest} is larger than ${cap} bytes`);
    }
    const bytes = await readFile(this.path(digest));
    const digester = new Digester(parseDigest(digest).algorithm);
    digester.update(bytes);
    if (digester.digest() !== digest) {
      throw new EngineError("internal", `stored content ${digest} is damaged`, {
        hint: "remove the image and pull it again",
      });
    }
    return bytes;
  }

  /** Stores bytes durably. Throws invalid_argument if they are not what `expected` says. */
  async write(bytes: Uint8Array, expected?: Digest): Promise<Digest> {
    const digester = new Digester(
      expected === undefined ? "sha256" : parseDigest(expected).algorithm,
    );
    digester.update(bytes);
    const digest = digester.digest();
    if (expected !== undefined && digest !== expected) {
      throw new EngineError(
        "invalid_argument",
        `content has the wrong digest: expected ${expected}, got ${digest}`,
      );
    }
    if ((await this.size(digest)) === bytes.byteLength) return digest;
    await this.#makeAlgorithmDirectory(digest);
    await writeFileAtomic(this.path(digest), bytes);
    return digest;
  }

  /**
   * Opens (or finds again) the partial file of a blob of `size` bytes. One at a time per digest: a second one
   * gets `conflict`. Check `has` first; what the store holds is not fetched again.
   */
  async ingest(digest: Digest, size: number): Promise<Ingest> {
    const target = this.path(digest);
    if (this.#ingesting.has(digest)) {
      throw new EngineError("conflict", `content ${digest} is already being fetched`);
    }
    this.#ingesting.add(digest);
    try {
      await this.#makeAlgorithmDirectory(digest);
      const partial = join(this.root, "ingest", `${digest}.partial`);
      return await Ingest.open({
        digest,
        size,
        path: partial,
        target,
        released: () => this.#ingesting.delete(digest),
      });
    } catch (cause) {
      this.#ingesting.delete(digest);
      throw cause;
    }
  }

  /** A name for a file on its way into the store, which nobody else uses; swept if it is left. */
  temporary(name: string): string {
    return join(this.root, "ingest", `${name}.partial`);
  }

  /** Takes over a file below the store whose digest the caller has computed as it wrote and synced it. */
  async adopt(path: string, digest: Digest): Promise<void> {
    const target = this.path(digest);
    await this.#makeAlgorithmDirectory(digest);
    await rename(path, target);
    await syncDirectory(dirname(target));
  }

  /** Removes a blob; what is absent is no error. */
  async remove(digest: Digest): Promise<void> {
    await rm(this.path(digest), { force: true });
  }

  /** Digests of all blobs, in no order. */
  async list(): Promise<Digest[]> {
    const out: Digest[] = [];
    for (const algorithm of ["sha256", "sha512"]) {
      for (const hex of await readdirIfThere(join(this.root, "blobs", algorithm))) {
        const digest = `${algorithm}:${hex}`;
        if (isDigest(digest)) out.push(digest);
      }
    }
    return out;
  }

  /**
   * Removes the beginnings of blobs that nobody writes at present and that were last written before `before`;
   * gives their bytes.
   */
  async sweepPartials(before: Date): Promise<number> {
    let bytes = 0;
    const directory = join(this.root, "ingest");
    for (const name of await readdirIfThere(directory)) {
      const digest = name.replace(/\.partial$/, "");
      if (!isDigest(digest) || this.#ingesting.has(digest)) continue;
      const path = join(directory, name);
      const found = await stat(path).catch(() => undefined);
      if (found === undefined || found.mtime >= before) continue;
      await rm(path, { force: true });
      bytes += found.size;
    }
    return bytes;
  }

  /**
   * Removes files that nobody takes up again: of a `temporary` name, or half written. To be called before the
   * first of these.
   */
  async sweepTemporary(): Promise<void> {
    const isOfBlob = (name: string): boolean => isDigest(name.replace(/\.partial$/, ""));
    await this.#sweep("ingest", (name) => !isOfBlob(name));
    for (const below of [".", "blobs/sha256", "blobs/sha512"])
      await this.#sweep(below, isHalfWritten);
  }

  async #sweep(below: string, isLeft: (name: string) => boolean): Promise<void> {
    const directory = join(this.root, below);
    for (const name of (await readdirIfThere(directory)).filter(isLeft))
      await rm(join(directory, name), { force: true });
  }

  /** Replaces index.json in one step; calls are carried out in the order they are made. */
  async setIndex(entries: readonly LayoutEntry[]): Promise<void> {
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: entries.map(({ descriptor, name }) => ({
        ...descriptor,
        ...(name === undefined
          ? {}
          : { annotations: { ...descriptor.annotations, [refNameAnnotation]: name } }),
      })),
    });
    const path = join(this.root, "index.json");
    const previous = this.#nextIndex.catch(() => undefined);
    this.#nextIndex = previous.then(async () => {
      const now = await readFile(path, "utf8").catch(() => undefined);
      if (now !== text) await writeFileAtomic(path, text);
    });
    await this.#nextIndex;
  }

  async #makeAlgorithmDirectory(digest: Digest): Promise<void> {
    const { algorithm } = parseDigest(digest);
    if (algorithm === "sha256") return;
    await mkdir(join(this.root, "blobs", algorithm), { recursive: true, mode: 0o710 });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    if (isAbsent(cause)) return false;
    throw cause;
  }
}

async function readdirIfThere(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    if (isAbsent(cause)) return [];
    throw cause;
  }
}

function isAbsent(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}
