import type { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../../errors.ts";
import type { ExtractResult, Native } from "../../native-types.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";

/** Generous for any real layer, and an end to what a bomb can take. */
const budget = { maxBytes: 128 * 1024 ** 3, maxEntries: 4_000_000 };

const stagingPrefix = "staging-";

type LayerNative = Pick<Native, "extractLayer" | "commitLayer" | "removeTree">;

/** Unpacked layers by diffID, each a directory that overlay can mount; a layer is there whole or not at all. */
export class LayerStore {
  readonly native: LayerNative;
  readonly #database: Database;
  readonly #root: string;

  constructor(native: LayerNative, database: Database, root: string) {
    this.native = native;
    this.#database = database;
    this.#root = root;
  }

  /** Makes the directories and removes what an interrupted extraction has left. */
  async open(): Promise<void> {
    await mkdir(this.emptyLayer, { recursive: true, mode: 0o755 });
    const names = await readdir(this.#root);
    const stale = names.filter((name) => name.startsWith(stagingPrefix));
    await Promise.all(stale.map((name) => this.native.removeTree(join(this.#root, name))));
  }

  /** The root of an image that has no layers. */
  get emptyLayer(): string {
    return join(this.#root, "empty");
  }

  path(diffId: Digest): string {
    return join(this.#root, parseDigest(diffId).hex);
  }

  async has(diffId: Digest): Promise<boolean> {
    const found = await stat(this.path(diffId)).catch(() => undefined);
    return found?.isDirectory() === true;
  }

  /** Starts to unpack a file that may still grow; see `commit`. */
  extract(blobPath: string): { staging: string; extraction: ReturnType<Native["extractLayer"]> } {
    const staging = join(this.#root, stagingPrefix + randomBytes(8).toString("hex"));
    return {
      staging,
      extraction: this.native.extractLayer({ blobPath, stagingDir: staging, ...budget }),
    };
  }

  /** Makes an unpacked layer visible once its content is what the image's config says. */
  async commit(staging: string, found: ExtractResult, expected: Digest): Promise<void> {
    if (found.diffId !== expected) {
      await this.native.removeTree(staging);
      throw new EngineError(
        "invalid_argument",
        `layer has the wrong content: expected diffID ${expected}, got ${found.diffId}`,
        {
          hint: "the image is damaged at its registry; pull it from another one or have it pushed again",
        },
      );
    }
    this.#database
      .query("INSERT OR REPLACE INTO layers (diff_id, size) VALUES (?, ?)")
      .run(expected, found.size);
    await this.native.commitLayer(staging, this.path(expected));
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

  async discard(staging: string): Promise<void> {
    await this.native.removeTree(staging);
  }

  async remove(diffId: Digest): Promise<void> {
    await this.native.removeTree(this.path(diffId));
    this.#database.query("DELETE FROM layers WHERE diff_id = ?").run(diffId);
  }
}
