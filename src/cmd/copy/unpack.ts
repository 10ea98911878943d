import { constants } from "node:fs";
import {
  type FileHandle,
  link,
  lstat,
  lutimes,
  mkdir,
  open,
  symlink,
  unlink,
} from "node:fs/promises";
import { damaged, type Header } from "../../archive/header.ts";
import type { TarReader } from "../../archive/reader.ts";
import { EngineError } from "../../errors.ts";
import { toPathError } from "./pack.ts";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

/** An open directory below the destination; its time is set once no more is made in it. */
interface Level {
  name: string;
  handle: FileHandle;
  mtime: number | undefined;
}

export interface UnpackOptions {
  /** What an entry is called. */
  rename(name: string): string;
  /** Told of what cannot be made here. */
  warn(text: string): void;
}

/**
 * Unpacks an archive below a local directory. Every name is used in a directory that was opened without
 * following a link, by way of /proc/self/fd: no entry, and nobody who changes the destination meanwhile,
 * leads out of it.
 */
export async function unpackTree(
  reader: TarReader,
  directory: string,
  options: UnpackOptions,
): Promise<void> {
  const top = await open(directory, O_RDONLY | O_DIRECTORY).catch(toPathError);
  const unpacker = new Unpacker(top, options);
  try {
    for (let entry = await reader.entry(); entry; entry = await reader.entry())
      await unpacker.add(entry, reader);
    await unpacker.leave(0);
  } finally {
    await unpacker.close();
  }
}

class Unpacker {
  readonly #top: FileHandle;
  readonly #options: UnpackOptions;
  readonly #levels: Level[] = [];

  constructor(top: FileHandle, options: UnpackOptions) {
    this.#top = top;
    this.#options = options;
  }

  async add(entry: Header, reader: TarReader): Promise<void> {
    const parts = cleanName(this.#options.rename(entry.name));
    const base = parts.pop();
    // The destination itself stays as it is.
    if (base === undefined) return;
    const parent = await this.#enter(parts);
    const path = at(parent, base);
    if (entry.type === "directory") {
      await this.#directory(entry, base, path);
    } else if (entry.type === "char" || entry.type === "block" || entry.type === "fifo") {
      this.#options.warn(`skipped ${JSON.stringify(entry.name)}: it is no file, directory or link`);
    } else {
      await this.#clear(entry, path);
      await this.#make(entry, reader, path);
    }
  }

  async #make(entry: Header, reader: TarReader, path: string): Promise<void> {
    if (entry.type === "symlink") {
      await symlink(entry.link, path);
      await lutimes(path, entry.mtime, entry.mtime);
    } else if (entry.type === "hardlink") {
      await this.#link(entry, path);
    } else {
      await using file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      for (let chunk = await reader.data(); chunk; chunk = await reader.data())
        await file.writeFile(chunk);
      await file.chmod(entry.mode);
      await file.utimes(entry.mtime, entry.mtime);
    }
  }

  async #directory(entry: Header, name: string, path: string): Promise<void> {
    await mkdir(path, 0o700).catch(ignoreExisting);
    const handle = await this.#open(path, entry.name);
    await handle.chmod(entry.mode);
    this.#levels.push({ name, handle, mtime: entry.mtime });
  }

  async #link(entry: Header, path: string): Promise<void> {
    const parts = cleanName(this.#options.rename(entry.link));
    const base = parts.pop();
    if (base === undefined) throw damaged(`a hard link to the destination itself`);
    let from = this.#top;
    const opened: FileHandle[] = [];
    try {
      for (const part of parts) {
        from = await this.#open(at(from, part), entry.link);
        opened.push(from);
      }
      await link(at(from, base), path);
    } finally {
      await Promise.all(opened.map((each) => each.close()));
    }
  }

  /** The directory of these names, each opened in the one before; what is missing is made. */
  async #enter(parts: string[]): Promise<FileHandle> {
    let same = 0;
    while (same < parts.length && this.#levels[same]?.name === parts[same]) same++;
    await this.leave(same);
    for (const name of parts.slice(same)) {
      const path = at(this.#levels.at(-1)?.handle ?? this.#top, name);
      await mkdir(path, 0o755).catch(ignoreExisting);
      this.#levels.push({ name, handle: await this.#open(path, name), mtime: undefined });
    }
    return this.#levels.at(-1)?.handle ?? this.#top;
  }

  async #open(path: string, name: string): Promise<FileHandle> {
    try {
      return await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? cause.code : "";
      if (code !== "ENOTDIR" && code !== "ELOOP") return toPathError(cause);
      const text = `cannot overwrite non-directory ${JSON.stringify(name)} with directory`;
      throw new EngineError("invalid_argument", text);
    }
  }

  /** Removes what has the entry's name: never a directory. */
  async #clear(entry: Header, path: string): Promise<void> {
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) return;
    if (found.isDirectory()) {
      const text = `cannot overwrite directory ${JSON.stringify(entry.name)} with non-directory`;
      throw new EngineError("invalid_argument", text);
    }
    await unlink(path);
  }

  /** Closes all but the first `keep` directories. */
  async leave(keep: number): Promise<void> {
    for (const { handle, mtime } of this.#levels.splice(keep).reverse()) {
      if (mtime !== undefined) await handle.utimes(mtime, mtime);
      await handle.close();
    }
  }

  async close(): Promise<void> {
    for (const { handle } of this.#levels.splice(0)) await handle.close();
    await this.#top.close();
  }
}

/** A name in a directory that is open, whatever it is called by now. */
function at(directory: FileHandle, name: string): string {
  return `/proc/self/fd/${directory.fd}/${name}`;
}

function cleanName(name: string): string[] {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw damaged(`${JSON.stringify(name)} leads out of it`);
  }
  return parts;
}

function ignoreExisting(error: unknown): void {
  if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
  toPathError(error);
}
