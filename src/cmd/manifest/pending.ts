import { join } from "node:path";
import { EngineError, messageOf } from "../../errors.ts";
import type { ListedManifest } from "../../oci/manifest-list.ts";
import { configPath } from "../login/credentials.ts";

/** A list as it is kept: raw bytes as base64. */
interface StoredList {
  name: string;
  manifests: (Omit<ListedManifest, "raw"> & { raw: string })[];
}

/** Lists that are being made, below the client's configuration: a file each, replaced in one step. */
export class PendingLists {
  readonly #root: string;

  constructor(root = join(configPath(), "..", "manifests")) {
    this.#root = root;
  }

  /** By its whole name; undefined if there is none. */
  async find(name: string): Promise<ListedManifest[] | undefined> {
    const path = this.#path(name);
    const file = Bun.file(path);
    if (!(await file.exists())) return undefined;
    try {
      const { manifests }: StoredList = JSON.parse(await file.text());
      return manifests.map(({ raw, ...known }) => ({ ...known, raw: Buffer.from(raw, "base64") }));
    } catch (cause) {
      throw new EngineError("invalid_argument", `cannot read "${path}": ${messageOf(cause)}`, {
        cause,
        hint: "remove the file and create the list again",
      });
    }
  }

  /** Throws not_found. */
  async get(name: string): Promise<ListedManifest[]> {
    const found = await this.find(name);
    if (found) return found;
    throw new EngineError("not_found", `No such manifest: ${name}`);
  }

  async save(name: string, manifests: readonly ListedManifest[]): Promise<void> {
    const { mkdir, rename, writeFile } = await import("node:fs/promises");
    const path = this.#path(name);
    const kept = manifests.map(({ raw, ...known }) => ({
      ...known,
      raw: Buffer.from(raw).toString("base64"),
    }));
    const text = JSON.stringify({ name, manifests: kept } satisfies StoredList);
    try {
      await mkdir(this.#root, { recursive: true, mode: 0o700 });
      const draft = `${path}.${process.pid}.new`;
      await writeFile(draft, text, { mode: 0o600 });
      await rename(draft, path);
    } catch (cause) {
      throw new EngineError("forbidden", `cannot write "${path}": ${messageOf(cause)}`, { cause });
    }
  }

  /** What is absent is no error. */
  async remove(name: string): Promise<void> {
    const { rm } = await import("node:fs/promises");
    await rm(this.#path(name), { force: true });
  }

  /** A name may be longer than a file's may be, and holds slashes. */
  #path(name: string): string {
    return join(this.#root, `${new Bun.CryptoHasher("sha256").update(name).digest("hex")}.json`);
  }
}
