import { randomBytes } from "node:crypto";
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";

type Node = "directory" | "file" | { link: string };

/**
 * What lies on top of every image: the places that every container's mounts need, as Docker has them.
 * Whatever an image has in a place of these, a link or a file, is hidden by a real directory. Parents
 * come before what is in them.
 */
const nodes: ReadonlyMap<string, Node> = new Map<string, Node>([
  ["", "directory"],
  [".dockerenv", "file"],
  ["dev", "directory"],
  ["dev/console", "file"],
  ["dev/pts", "directory"],
  ["dev/shm", "directory"],
  ["etc", "directory"],
  ["etc/hostname", "file"],
  ["etc/hosts", "file"],
  ["etc/mtab", { link: "/proc/mounts" }],
  ["etc/resolv.conf", "file"],
  ["proc", "directory"],
  ["sys", "directory"],
]);

/** Docker's, of directories and files alike. */
const mode = 0o755;

/**
 * The directory with just these nodes, below `root`; made if it is absent or anything in it is unlike
 * them. It is there whole or not at all. Containers that run keep the one they were started on: a damaged
 * one is set aside, and removed by the next daemon.
 */
export async function ensureInitLayer(root: string): Promise<string> {
  const path = join(root, "layer");
  await mkdir(root, { recursive: true, mode: 0o710 });
  const names = await readdir(root);
  const stale = names.filter((name) => name !== "layer");
  await Promise.all(stale.map((name) => rm(join(root, name), { recursive: true, force: true })));
  if (await isWhole(path)) return path;
  const suffix = randomBytes(8).toString("hex");
  const staging = join(root, `staging-${suffix}`);
  for (const [name, node] of nodes) await make(join(staging, name), node);
  if (names.includes("layer")) await rename(path, join(root, `damaged-${suffix}`));
  await rename(staging, path);
  return path;
}

async function make(path: string, node: Node): Promise<void> {
  if (typeof node === "object") return await symlink(node.link, path);
  if (node === "directory") await mkdir(path);
  else await writeFile(path, "", { flag: "wx" });
  await chmod(path, mode);
}

async function isWhole(root: string): Promise<boolean> {
  try {
    for (const [name, node] of nodes)
      if (!(await isNode(join(root, name), name, node))) return false;
    return true;
  } catch {
    return false;
  }
}

async function isNode(path: string, name: string, node: Node): Promise<boolean> {
  const stats = await lstat(path);
  if (stats.uid !== 0 || stats.gid !== 0) return false;
  if (typeof node === "object")
    return stats.isSymbolicLink() && (await readlink(path)) === node.link;
  if ((stats.mode & 0o7777) !== mode) return false;
  if (node === "file") return stats.isFile() && stats.size === 0 && stats.nlink === 1;
  const names = new Set(await readdir(path));
  return stats.isDirectory() && childrenOf(name).symmetricDifference(names).size === 0;
}

function childrenOf(directory: string): Set<string> {
  const prefix = directory === "" ? "" : `${directory}/`;
  const below = [...nodes.keys()].filter((name) => name !== "" && name.startsWith(prefix));
  const names = below.map((name) => name.slice(prefix.length));
  return new Set(names.filter((name) => name !== "" && !name.includes("/")));
}
