import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, isDigest, parseDigest } from "../../digest.ts";
import { writeFileAtomic } from "../../durable.ts";
import { isTag } from "../../reference.ts";

/** Marks of what a repository holds: files in ROOT/repositories/NAME/_KIND, beside nested repositories. */
type Kind = "_blobs" | "_manifests" | "_tags";

/** Which repository holds which content; the content itself is in the store, once for all. */
export class Repositories {
  readonly #root: string;

  constructor(root: string) {
    this.#root = join(root, "repositories");
  }

  async hasBlob(name: string, digest: Digest): Promise<boolean> {
    return (await this.#read(name, "_blobs", markName(digest))) !== undefined;
  }

  async addBlob(name: string, digest: Digest): Promise<void> {
    await this.#write(name, "_blobs", markName(digest), "");
  }

  async removeBlob(name: string, digest: Digest): Promise<boolean> {
    return await this.#remove(name, "_blobs", markName(digest));
  }

  /** The content type a manifest was pushed with, undefined if the repository has no such manifest. */
  async manifestType(name: string, digest: Digest): Promise<string | undefined> {
    return await this.#read(name, "_manifests", markName(digest));
  }

  async addManifest(name: string, digest: Digest, contentType: string): Promise<void> {
    await this.#write(name, "_manifests", markName(digest), contentType);
  }

  /** Takes the tags that point to it along. */
  async removeManifest(name: string, digest: Digest): Promise<boolean> {
    for (const tag of await this.tags(name)) {
      if ((await this.tagDigest(name, tag)) === digest) await this.removeTag(name, tag);
    }
    return await this.#remove(name, "_manifests", markName(digest));
  }

  async manifests(name: string): Promise<Digest[]> {
    const marks = await this.#list(join(this.#root, name, "_manifests"));
    return marks.map((mark) => mark.replace("-", ":")).filter(isDigest);
  }

  async tagDigest(name: string, tag: string): Promise<Digest | undefined> {
    const digest = await this.#read(name, "_tags", tag);
    return isDigest(digest) ? digest : undefined;
  }

  async setTag(name: string, tag: string, digest: Digest): Promise<void> {
    await this.#write(name, "_tags", tag, digest);
  }

  async removeTag(name: string, tag: string): Promise<boolean> {
    return await this.#remove(name, "_tags", tag);
  }

  /** Sorted as the specification asks. */
  async tags(name: string): Promise<string[]> {
    return (await this.#list(join(this.#root, name, "_tags"))).filter(isTag).sort(byCodeUnits);
  }

  /** Names of all repositories that were pushed to, sorted. */
  async names(): Promise<string[]> {
    const found: string[] = [];
    const visit = async (path: string): Promise<void> => {
      for (const entry of await this.#list(join(this.#root, path))) {
        if (entry === "_manifests") found.push(path);
        else if (!entry.startsWith("_")) await visit(path === "" ? entry : `${path}/${entry}`);
      }
    };
    await visit("");
    return found.sort(byCodeUnits);
  }

  async #read(name: string, kind: Kind, mark: string): Promise<string | undefined> {
    return await readFile(join(this.#root, name, kind, mark), "utf8").catch(ignoreAbsent);
  }

  async #write(name: string, kind: Kind, mark: string, content: string): Promise<void> {
    const directory = join(this.#root, name, kind);
    await mkdir(directory, { recursive: true, mode: 0o750 });
    await writeFileAtomic(join(directory, mark), content);
  }

  async #remove(name: string, kind: Kind, mark: string): Promise<boolean> {
    if ((await this.#read(name, kind, mark)) === undefined) return false;
    await rm(join(this.#root, name, kind, mark), { force: true });
    return true;
  }

  async #list(path: string): Promise<string[]> {
    return (await readdir(path).catch(ignoreAbsent)) ?? [];
  }
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function markName(digest: Digest): string {
  const { algorithm, hex } = parseDigest(digest);
  return `${algorithm}-${hex}`;
}

function ignoreAbsent(error: unknown): undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  throw error;
}
