import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Digest, isDigest, parseDigest } from "../../digest.ts";
import { isHalfWritten, writeFileAtomic } from "../../durable.ts";
import { isRepositoryPath, isTag } from "../../reference.ts";
import { RegistryError } from "./replies.ts";

/** What a repository may hold a link to in the shared content store. */
type LinkKind = "_blobs" | "_manifests";

/**
 * Names and links, as files: `repositories/NAME/_tags/TAG` holds a digest, `_manifests/ALGORITHM/HEX` the
 * content type the manifest was pushed with, `_blobs/ALGORITHM/HEX` nothing,
 * `_referrers/ALGORITHM/HEX/` of a subject one descriptor for each manifest that refers to it. No component of
 * a repository's name begins with "_", so names and these directories do not meet.
 */
export class Repositories {
  readonly #root: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(root: string) {
    this.#root = join(root, "repositories");
  }

  /** The directory of a repository. Throws NAME_INVALID. */
  directory(name: string): string {
    if (!isRepositoryPath(name)) throw new RegistryError("NAME_INVALID", "invalid repository name");
    return join(this.#root, ...name.split("/"));
  }

  /** Runs changes of links one after the other, so that no blob is removed while it is being linked. */
  async exclusively<T>(change: () => Promise<T>): Promise<T> {
    const run = this.#last.then(change, change);
    this.#last = run.catch(() => undefined);
    return run;
  }

  async link(name: string, kind: LinkKind, digest: Digest, content = ""): Promise<void> {
    const path = this.#linkPath(name, kind, digest);
    await mkdir(join(path, ".."), { recursive: true });
    await writeFileAtomic(path, content);
  }

  /** The content of a link, or undefined if there is none. */
  async findLink(name: string, kind: LinkKind, digest: Digest): Promise<string | undefined> {
    return readIfThere(this.#linkPath(name, kind, digest));
  }

  async unlink(name: string, kind: LinkKind, digest: Digest): Promise<void> {
    await rm(this.#linkPath(name, kind, digest), { force: true });
  }

  /** True if any repository has the digest, as a blob or as a manifest. */
  async isLinked(
    digest: Digest,
    kinds: readonly LinkKind[] = ["_blobs", "_manifests"],
  ): Promise<boolean> {
    for (const name of await this.names()) {
      for (const kind of kinds) {
        if ((await this.findLink(name, kind, digest)) !== undefined) return true;
      }
    }
    return false;
  }

  async setTag(name: string, tag: string, digest: Digest): Promise<void> {
    const path = this.#tagPath(name, tag);
    await mkdir(join(path, ".."), { recursive: true });
    await writeFileAtomic(path, digest);
  }

  async findTag(name: string, tag: string): Promise<Digest | undefined> {
    const text = await readIfThere(this.#tagPath(name, tag));
    return isDigest(text) ? text : undefined;
  }

  async removeTag(name: string, tag: string): Promise<void> {
    await rm(this.#tagPath(name, tag), { force: true });
  }

  /** All tags in the order of their bytes. */
  async tags(name: string): Promise<string[]> {
    return inOrder((await readdirIfThere(join(this.directory(name), "_tags"))).filter(isTag));
  }

  async exists(name: string): Promise<boolean> {
    const found = await readdirIfThere(this.directory(name));
    return found.some((entry) => entry === "_manifests" || entry === "_blobs" || entry === "_tags");
  }

  /** All repositories that hold anything, in the order of their bytes. */
  async names(): Promise<string[]> {
    const out: string[] = [];
    const visit = async (directory: string, name: string): Promise<void> => {
      const entries = await readdirIfThere(directory);
      if (entries.includes("_manifests") || entries.includes("_blobs")) out.push(name);
      for (const entry of entries) {
        const below = name === "" ? entry : `${name}/${entry}`;
        if (isRepositoryPath(below)) await visit(join(directory, entry), below);
      }
    };
    await visit(this.#root, "");
    return inOrder(out);
  }

  async addReferrer(name: string, subject: Digest, digest: Digest, descriptor: string) {
    const directory = this.#referrersPath(name, subject);
    await mkdir(directory, { recursive: true });
    await writeFileAtomic(join(directory, parseDigest(digest).hex), descriptor);
  }

  async removeReferrer(name: string, subject: Digest, digest: Digest): Promise<void> {
    await rm(join(this.#referrersPath(name, subject), parseDigest(digest).hex), { force: true });
  }

  /** The descriptors, as JSON texts, of the manifests that have `subject` for theirs, in the order of their keys. */
  async *referrers(name: string, subject: Digest): AsyncGenerator<{ key: string; text: string }> {
    const directory = this.#referrersPath(name, subject);
    for (const key of inOrder(await readdirIfThere(directory))) {
      if (!/^[0-9a-f]+$/.test(key)) continue;
      const text = await readIfThere(join(directory, key));
      if (text !== undefined) yield { key, text };
    }
  }

  /** Removes what was half written when the process ended. To be called before anything is written. */
  async sweepHalfWritten(): Promise<void> {
    for (const entry of await readdir(this.#root, { recursive: true }).catch(() => []))
      if (isHalfWritten(basename(entry))) await rm(join(this.#root, entry), { force: true });
  }

  #linkPath(name: string, kind: LinkKind, digest: Digest): string {
    const { algorithm, hex } = parseDigest(digest);
    return join(this.directory(name), kind, algorithm, hex);
  }

  #tagPath(name: string, tag: string): string {
    if (!isTag(tag)) throw new RegistryError("MANIFEST_INVALID", "invalid tag");
    return join(this.directory(name), "_tags", tag);
  }

  #referrersPath(name: string, subject: Digest): string {
    const { algorithm, hex } = parseDigest(subject);
    return join(this.directory(name), "_referrers", algorithm, hex);
  }
}

/** The order of their bytes, which for names and tags is that of their code units. */
function inOrder(names: string[]): string[] {
  return names.sort((a, b) => (a < b ? -1 : 1));
}

async function readIfThere(path: string): Promise<string | undefined> {
  return ifThere(() => readFile(path, "utf8"), undefined);
}

async function readdirIfThere(path: string): Promise<string[]> {
  return ifThere(() => readdir(path), []);
}

async function ifThere<T, U>(read: () => Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await read();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return otherwise;
    throw cause;
  }
}
