import type { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ExtractResult, LayerExtraction } from "../../native-types/layers.ts";
import type { Native } from "../../native-types/native.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";

/** Generous for any real layer, and an end to what a bomb can take. */
const budget = { maxBytes: 128 * 1024 ** 3, maxEntries: 4_000_000 };

const stagingPrefix = "staging-";

type LayerNative = Pick<Native, "extractLayer" | "commitLayer" | "removeTree" | "treeUsage">;

/** A layer on its way into the store. */
export interface Unpacking {
  staging: string;
  extraction: Pick<LayerExtraction, "grown" | "finish" | "cancel">;
  /** What was found. When it rejects nothing is left of the tree. */
  done: Promise<ExtractResult>;
}

/** Unpacked layers by diffID, each a directory that overlay can mount; a layer is there whole or not at all. */
export class LayerStore {
  readonly #native: LayerNative;
  readonly #database: Database;
  readonly #root: string;
  readonly #emptying = new Set<Promise<void>>();

  constructor(native: LayerNative, database: Database, root: string) {
    this.#native = native;
    this.#database = database;
    this.#root = root;
  }

  /** Makes the directories and removes what an interrupted extraction has left. */
  async open(): Promise<void> {
    for (const empty of [this.emptyLayer, this.filler])
      await mkdir(empty, { recursive: true, mode: 0o755 });
    const names = await readdir(this.#root);
    const stale = names.filter((name) => name.startsWith(stagingPrefix));
    await Promise.all(stale.map((name) => this.#native.removeTree(join(this.#root, name))));
    await this.#agree();
  }

  /** After a power cut there may be a tree without its record, or a record without its tree. */
  async #agree(): Promise<void> {
    const present = new Set(await this.list());
    const query = this.#database.query<{ id: Digest }, []>("SELECT diff_id AS id FROM layers");
    const recorded = new Set(query.all().map(({ id }) => id));
    for (const id of recorded.difference(present))
      this.#database.query("DELETE FROM layers WHERE diff_id = ?").run(id);
    for (const id of present.difference(recorded)) {
      const { bytes, disk } = await this.#native.treeUsage(this.path(id));
      this.#database
        .query("INSERT INTO layers (diff_id, size, disk) VALUES (?, ?, ?)")
        .run(...([id, bytes, disk] as const));
    }
  }

  /** The root of an image that has no layers. */
  get emptyLayer(): string {
    return join(this.#root, "empty");
  }

  /** Another empty directory, below a single layer where two are wanted. */
  get filler(): string {
    return join(this.#root, "filler");
  }

  path(diffId: Digest): string {
    return join(this.#root, parseDigest(diffId).hex);
  }

  async has(diffId: Digest): Promise<boolean> {
    const found = await stat(this.path(diffId)).catch(() => undefined);
    return found?.isDirectory() === true;
  }

  /** Starts to unpack a file that may still grow; ends with `commit` or `discard`. */
  unpack(blobPath: string, signal: AbortSignal): Unpacking {
    const staging = join(this.#root, stagingPrefix + randomBytes(8).toString("hex"));
    const extraction = this.#native.extractLayer({ blobPath, stagingDir: staging, ...budget });
    const cancel = (): void => extraction.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    const done = extraction.done.finally(() => signal.removeEventListener("abort", cancel));
    return { staging, extraction, done };
  }

  /** Makes an unpacked layer visible. Its content has been found to be what was asked for. */
  async commit({ staging }: Unpacking, { diffId, size }: ExtractResult): Promise<void> {
    try {
      this.#database
        .query("INSERT OR REPLACE INTO layers (diff_id, size) VALUES (?, ?)")
        .run(diffId, size);
      await this.#native.commitLayer(staging, this.path(diffId));
    } catch (error) {
      await this.#native.removeTree(staging);
      throw error;
    }
  }

  async discard({ staging }: Unpacking): Promise<void> {
    await this.#native.removeTree(staging);
  }

  /** Bytes of the regular files of these layers. */
  sizeOf(diffIds: Digest[]): number {
    const query =
      "SELECT coalesce(sum(size), 0) AS size FROM layers WHERE diff_id IN (SELECT value FROM json_each(?))";
    return (
      this.#database.query<{ size: number }, [string]>(query).get(JSON.stringify(diffIds))?.size ??
      0
    );
  }

  /** What one layer takes of the disk. Measured once, since a layer does not change. */
  async diskOf(diffId: Digest): Promise<number> {
    const query = "SELECT disk FROM layers WHERE diff_id = ?";
    const known = this.#database.query<{ disk: number | null }, [string]>(query).get(diffId);
    if (known?.disk) return known.disk;
    const { disk } = await this.#native.treeUsage(this.path(diffId));
    this.#database.query("UPDATE layers SET disk = ? WHERE diff_id = ?").run(disk, diffId);
    return disk;
  }

  /** Out of sight in one step; the files go behind that. */
  async remove(diffId: Digest): Promise<void> {
    const grave = join(this.#root, `${stagingPrefix}removed-${randomBytes(8).toString("hex")}`);
    await rename(this.path(diffId), grave).catch((error: unknown) => {
      if (!isAbsent(error)) throw error;
    });
    this.#database.query("DELETE FROM layers WHERE diff_id = ?").run(diffId);
    // What cannot be removed is tried again at the next start.
    const emptying = this.#native.removeTree(grave).catch(() => undefined);
    this.#emptying.add(emptying);
    void emptying.then(() => this.#emptying.delete(emptying));
  }

  /** Resolves when the files of all that was removed are gone. */
  async emptied(): Promise<void> {
    await Promise.all(this.#emptying);
  }

  /** diffIDs of all that is unpacked, in no order. */
  async list(): Promise<Digest[]> {
    const names = await readdir(this.#root);
    return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => `sha256:${name}`);
  }

  /** When it was put where it is. */
  async changedAt(diffId: Digest): Promise<Date | undefined> {
    return (await stat(this.path(diffId)).catch(() => undefined))?.ctime;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
