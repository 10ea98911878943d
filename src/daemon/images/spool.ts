import { randomBytes } from "node:crypto";
import { type FileHandle, open, rm, statfs } from "node:fs/promises";
import type { Header } from "../../archive/header.ts";
import { TarReader } from "../../archive/reader.ts";
import { EngineError } from "../../errors.ts";
import { type Digest, Digester, isDigest, parseDigest } from "../../oci/digest.ts";
import { diskError } from "../../oci/durable.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { printable } from "../../oci/printable.ts";

/** More members than any real archive has. */
const maxMembers = 50_000;
const maxName = 1024;
/** Bytes of an archive: generous, and an end to what a bomb can take. */
const maxBytes = 128 * 1024 ** 3;
/** How often the disk is asked for its free bytes, and how many are left to others. */
const [lookApart, reserve] = [64 * 1024 ** 2, 64 * 1024 ** 2];
const maxLinks = 10;

/** The content of one member: a file of its own, or a blob that the store had already. */
export interface SpooledFile {
  path: string;
  digest: Digest;
  size: number;
  isStored: boolean;
}

type Member = { kind: "file"; file: SpooledFile } | { kind: "link"; target: string };

/** Members that say nothing: those of the format before manifest.json. */
const ignored = /(^|\/)(VERSION|json)$|^repositories$/;

/**
 * The members of an archive, written to files of the content store under names of our own: no name of the archive
 * is ever a path, and no link is ever followed but in this table. To be disposed of, which removes what was not taken.
 */
export class Spool implements AsyncDisposable {
  readonly #content: ContentStore;
  readonly #prefix = `load-${randomBytes(8).toString("hex")}`;
  readonly #members = new Map<string, Member>();
  readonly #files = new Set<string>();
  #count = 0;
  #written = 0;
  #nextLook = 0;

  constructor(content: ContentStore) {
    this.#content = content;
  }

  /** Reads a whole archive. Throws invalid_argument for one that nobody means well with. */
  async fill(input: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const chunks = input[Symbol.asyncIterator]();
    let read = 0;
    const tar = new TarReader(async () => {
      signal.throwIfAborted();
      const { value, done } = await chunks.next();
      read += done ? 0 : value.length;
      if (read > maxBytes) throw refuse(`it is larger than ${maxBytes} bytes`);
      return done ? undefined : value;
    });
    try {
      for (let entry = await tar.entry(); entry; entry = await tar.entry()) {
        await this.#add(entry, () => tar.data());
      }
    } finally {
      await chunks.return?.();
    }
  }

  /** Takes one stream as a file. */
  async take(input: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<SpooledFile> {
    const chunks = input[Symbol.asyncIterator]();
    const next = async () => {
      signal.throwIfAborted();
      const { value, done } = await chunks.next();
      return done ? undefined : value;
    };
    return await this.#write(next, undefined);
  }

  /** A member by its name, links followed; undefined if the archive has none. */
  find(name: string): SpooledFile | undefined {
    let at: string | undefined = name;
    for (let links = 0; at !== undefined && links <= maxLinks; links++) {
      const member: Member | undefined = this.#members.get(at);
      if (member === undefined || member.kind === "file") return member?.file;
      at = member.target;
    }
    throw refuse(`the links of ${quote(name)} lead nowhere`);
  }

  blob(digest: Digest): SpooledFile | undefined {
    const { algorithm, hex } = parseDigest(digest);
    return this.find(`blobs/${algorithm}/${hex}`);
  }

  /** Moves a file into the content store, where it may be already. */
  async adopt({ path, digest, isStored }: SpooledFile): Promise<void> {
    if (isStored || !this.#files.has(path)) return;
    await using file = await open(path, "r");
    await file.datasync();
    await this.#content.adopt(path, digest);
    this.#files.delete(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const path of this.#files) await rm(path, { force: true });
  }

  async #add(entry: Header, next: () => Promise<Uint8Array | undefined>): Promise<void> {
    const name = memberName(entry.name);
    if (++this.#count > maxMembers) throw refuse(`it has more than ${maxMembers} members`);
    if (entry.type === "directory" || ignored.test(name)) return;
    const blob = blobDigest(name);
    if (this.#members.has(name)) {
      // A blob that comes twice is the same twice.
      if (blob !== undefined) return;
      throw refuse(`it has two members called ${quote(name)}`);
    }
    if (entry.type === "symlink" || entry.type === "hardlink") {
      const base = entry.type === "symlink" ? name.split("/").slice(0, -1) : [];
      this.#members.set(name, { kind: "link", target: resolve(base, entry.link) });
      return;
    }
    if (entry.type !== "file") throw refuse(`${quote(name)} is a device or a pipe`);
    const known = blob === undefined ? undefined : await this.#stored(blob, entry.size);
    const file = known ?? (await this.#write(next, blob));
    this.#members.set(name, { kind: "file", file });
  }

  async #stored(digest: Digest, size: number): Promise<SpooledFile | undefined> {
    if ((await this.#content.size(digest)) !== size) return undefined;
    return { path: this.#content.path(digest), digest, size, isStored: true };
  }

  /** A blob has to be what its name says. */
  async #write(
    next: () => Promise<Uint8Array | undefined>,
    blob: Digest | undefined,
  ): Promise<SpooledFile> {
    const path = this.#content.temporary(`${this.#prefix}-${this.#files.size}`);
    const algorithm = blob === undefined ? "sha256" : parseDigest(blob).algorithm;
    const digester = new Digester(algorithm);
    await using file = await open(path, "wx", 0o640);
    this.#files.add(path);
    for (let chunk = await next(); chunk; chunk = await next()) {
      digester.update(chunk);
      await this.#append(file, path, chunk);
    }
    const { size } = digester;
    const digest = digester.digest();
    if (blob !== undefined && digest !== blob)
      throw refuse(`a blob has the wrong digest: expected ${blob}, got ${digest}`);
    return { path, digest, size, isStored: false };
  }

  async #append(file: FileHandle, path: string, chunk: Uint8Array): Promise<void> {
    this.#written += chunk.length;
    if (this.#written >= this.#nextLook) {
      this.#nextLook = this.#written + lookApart;
      const { bavail, bsize } = await statfs(this.#content.root);
      if (bavail * bsize < reserve + lookApart) throw diskError(full(), path);
    }
    try {
      await file.writeFile(chunk);
    } catch (cause) {
      throw diskError(cause, path);
    }
  }
}

function full(): Error {
  return Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
}

/** A member's name as this table has it: relative, without dots. */
function memberName(text: string): string {
  if (text.length > maxName) throw refuse("a member's name is too long");
  return resolve([], text);
}

/** Throws for what would leave the archive. */
function resolve(base: string[], text: string): string {
  if (text.startsWith("/")) throw refuse(`${quote(text)} leads out of it`);
  const parts = [...base];
  for (const part of text.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw refuse(`${quote(text)} leads out of it`);
  }
  return parts.join("/");
}

function blobDigest(name: string): Digest | undefined {
  const [, algorithm, hex] = /^blobs\/([^/]+)\/([^/]+)$/.exec(name) ?? [];
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

function quote(name: string): string {
  return JSON.stringify(printable(name));
}

export function refuse(why: string): EngineError {
  return new EngineError("invalid_argument", `invalid archive: ${why}`);
}
