import type { BigIntStats } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { blockSize, buildHeader, type Header, padding } from "../../archive/header.ts";
import { EngineError, messageOf } from "../../errors.ts";

const readSize = 256 * 1024;

/** An archive of a local file or directory and all below it, whose top entry is called `name`. */
export async function* packTree(path: string, name: string): AsyncGenerator<Uint8Array> {
  const links = new Map<string, string>();
  const todo: [string, string][] = [[path, name]];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const [path, name] = next;
    const stat = await lstat(path, { bigint: true }).catch(toPathError);
    if (stat.isSocket()) continue;
    yield* packEntry(path, name, stat, links);
    if (!stat.isDirectory()) continue;
    const names = (await readdir(path, { encoding: "buffer" }).catch(toPathError)).sort((a, b) =>
      Buffer.compare(b, a),
    );
    for (const each of names) {
      const child = each.toString("utf8");
      todo.push([`${path.replace(/\/$/, "")}/${child}`, `${name}/${child}`]);
    }
  }
  yield new Uint8Array(2 * blockSize);
}

async function* packEntry(
  path: string,
  name: string,
  stat: BigIntStats,
  links: Map<string, string>,
): AsyncGenerator<Uint8Array> {
  const header: Header = {
    name,
    type: "file",
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: 0,
    mtime: Number(stat.mtimeNs) / 1e9,
    link: "",
  };
  if (stat.isDirectory()) {
    yield buildHeader({ ...header, type: "directory", name: `${name}/` });
    return;
  }
  const id = `${stat.dev}:${stat.ino}`;
  const first = stat.nlink > 1n ? links.get(id) : undefined;
  if (first !== undefined) {
    yield buildHeader({ ...header, type: "hardlink", link: first });
    return;
  }
  if (stat.nlink > 1n) links.set(id, name);
  if (stat.isSymbolicLink()) {
    const link = await readlink(path).catch(toPathError);
    yield buildHeader({ ...header, type: "symlink", link });
  } else if (stat.isFile()) {
    yield* packFile(path, header);
  } else if (stat.isFIFO()) {
    yield buildHeader({ ...header, type: "fifo" });
  } else {
    const type = stat.isBlockDevice() ? "block" : "char";
    yield buildHeader({ ...header, type, ...splitDevice(stat.rdev) });
  }
}

/** As many bytes as it has when it is opened; what is missing by then becomes zeros. */
async function* packFile(path: string, header: Header): AsyncGenerator<Uint8Array> {
  await using file = await open(path, "r").catch(toPathError);
  const { size } = await file.stat();
  yield buildHeader({ ...header, size });
  for (let left = size; left > 0; ) {
    const buffer = Buffer.alloc(Math.min(left, readSize));
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    const chunk = bytesRead === 0 ? buffer : buffer.subarray(0, bytesRead);
    left -= chunk.length;
    yield chunk;
  }
  yield padding(size);
}

/** As glibc's makedev(3) puts it together. */
function splitDevice(device: bigint): { major: number; minor: number } {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  return { major: Number(major), minor: Number(minor) };
}

/** In the words of Go's os package, which scripts know from Docker. */
export function toPathError(cause: unknown): never {
  const known = cause as { code?: string; syscall?: string; path?: string };
  const words: Record<string, string> = {
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    ENOTDIR: "not a directory",
    EISDIR: "is a directory",
  };
  const text = words[known.code ?? ""];
  const code = known.code === "ENOENT" ? "not_found" : "invalid_argument";
  if (text === undefined) throw new EngineError("internal", messageOf(cause), { cause });
  throw new EngineError(code, `${known.syscall} ${known.path}: ${text}`, { cause });
}
