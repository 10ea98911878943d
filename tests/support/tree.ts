/** What a directory of the host holds, as lines that a test can compare: kind, name, content, and what is not usual. */
import { dlopen, FFIType } from "bun:ffi";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";

const libc = dlopen("libc.so.6", {
  llistxattr: { args: [FFIType.ptr, FFIType.ptr, FFIType.u64], returns: FFIType.i64 },
});

/** All entries below `path`, sorted; of names and short contents every byte. */
export async function treeOf(path: string): Promise<string[]> {
  const lines = await walk(Buffer.from(path), Buffer.alloc(0));
  return lines.sort((a, b) => (a < b ? -1 : 1));
}

async function walk(root: Buffer, below: Buffer): Promise<string[]> {
  const lines: string[] = [];
  const directory = join(root, below);
  for (const name of await readdir(directory, { encoding: "buffer" })) {
    const relative = below.length === 0 ? Buffer.from(name) : join(below, Buffer.from(name));
    lines.push(await describe(join(root, relative), escaped(relative)));
    if ((await lstat(join(root, relative))).isDirectory())
      lines.push(...(await walk(root, relative)));
  }
  return lines;
}

async function describe(path: Buffer, name: string): Promise<string> {
  const stat = await lstat(path);
  const [major, minor] = [
    (stat.rdev >> 8) & 0xfff,
    (stat.rdev & 0xff) | ((stat.rdev >> 12) & ~0xff),
  ];
  const kinds: [boolean, string, number][] = [
    [stat.isDirectory(), `d ${name}`, 0o755],
    [stat.isSymbolicLink(), `l ${name}`, 0o777],
    [stat.isFIFO(), `p ${name}`, 0o644],
    [stat.isCharacterDevice(), `c ${name} ${major}:${minor}`, 0o644],
    [stat.isBlockDevice(), `b ${name} ${major}:${minor}`, 0o644],
    [stat.isFile(), `f ${name}: `, 0o644],
  ];
  const [, line, usual] = kinds.find(([is]) => is) ?? [true, `? ${name}`, 0];
  const mode = stat.mode & 0o7777;
  const attributes = attributesOf(path);
  return [
    line,
    stat.isSymbolicLink() ? ` -> ${await readlink(path)}` : "",
    stat.isFile() ? await content(path, stat.size) : "",
    mode === usual ? "" : ` mode ${mode.toString(8)}`,
    stat.uid === 0 ? "" : ` uid ${stat.uid}`,
    !stat.isDirectory() && stat.nlink > 1 ? ` x${stat.nlink}` : "",
    attributes.length === 0 ? "" : ` [${attributes.join(" ")}]`,
  ].join("");
}

async function content(path: Buffer, size: number): Promise<string> {
  return size > 100 ? `(${size} bytes)` : (await readFile(path)).toString("latin1");
}

function attributesOf(path: Buffer): string[] {
  const names = Buffer.alloc(65_536);
  const name = Buffer.concat([path, new Uint8Array(1)]);
  const count = Number(libc.symbols.llistxattr(name, names, names.length));
  if (count <= 0) return [];
  return names.subarray(0, count).toString("latin1").split("\0").filter(Boolean).sort();
}

function join(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from("/"), name]);
}

/** Bytes beyond ASCII as "\xff". */
function escaped(name: Buffer): string {
  const hex = (letter: string) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, "0")}`;
  return name.toString("latin1").replace(/[^\x20-\x7e]/g, hex);
}
