import { randomBytes } from "node:crypto";
import {
  chmod,
  chown,
  lchown,
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

/** Those in which an image's own owner and mode count: overlay shows the topmost layer's. */
const kept = ["dev", "etc", "proc", "sys"] as const;

interface Attributes {
  mode: number;
  uid: number;
  gid: number;
}

/** Docker's, of directories and files alike. */
const ordinary: Attributes = { mode: 0o755, uid: 0, gid: 0 };

const prefix = "layer";
const maxKnown = 1000;

/**
 * The layers of these nodes, one for all images but for those whose own directories have other owners or
 * modes; such images share one for each set of them.
 */
export class InitLayers {
  readonly #root: string;
  /** By image. */
  readonly #known = new Map<string, Promise<string>>();
  /** By name. */
  readonly #made = new Map<string, Promise<string>>();

  private constructor(root: string) {
    this.#root = root;
  }

  /** Makes the common one; removes what was left half made or set aside. */
  static async open(root: string): Promise<InitLayers> {
    await mkdir(root, { recursive: true, mode: 0o710 });
    const stale = (await readdir(root)).filter((name) => parseName(name) === undefined);
    await Promise.all(stale.map((name) => rm(join(root, name), { recursive: true, force: true })));
    const layers = new InitLayers(root);
    await layers.#ensure(new Map());
    return layers;
  }

  /** The one for an image, whose layers are `lower`, topmost first. */
  of(image: string, lower: string[]): Promise<string> {
    const known = this.#known.get(image);
    if (known !== undefined) return known;
    if (this.#known.size >= maxKnown) this.#known.clear();
    const found = findAttributes(lower).then((attributes) => this.#ensure(attributes));
    this.#known.set(image, found);
    found.catch(() => this.#known.delete(image));
    return found;
  }

  #ensure(attributes: Map<string, Attributes>): Promise<string> {
    const name = formatName(attributes);
    const made = this.#made.get(name) ?? ensure(this.#root, name, attributes);
    this.#made.set(name, made);
    made.catch(() => this.#made.delete(name));
    return made;
  }
}

/** Of an image's own directories, those that are not ordinary. */
async function findAttributes(lower: string[]): Promise<Map<string, Attributes>> {
  const found = new Map<string, Attributes>();
  for (const name of kept) {
    for (const layer of lower) {
      const stats = await lstat(join(layer, name)).catch(() => undefined);
      if (stats === undefined) continue;
      const { uid, gid } = stats;
      const own = { mode: stats.mode & 0o7777, uid, gid };
      if (stats.isDirectory() && !isEqual(own, ordinary)) found.set(name, own);
      break;
    }
  }
  return found;
}

function isEqual(a: Attributes, b: Attributes): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

/** "layer", or "layer-etc.775.0.0-proc.555.0.0". */
function formatName(attributes: Map<string, Attributes>): string {
  const parts = [...attributes].map(([name, { mode, uid, gid }]) =>
    [name, mode.toString(8), uid, gid].join("."),
  );
  return [prefix, ...parts].join("-");
}

function parseName(name: string): Map<string, Attributes> | undefined {
  const [first, ...parts] = name.split("-");
  const found = new Map<string, Attributes>();
  for (const part of parts) {
    const [, directory = "", mode = "", uid, gid] =
      /^([a-z]+)\.([0-7]{1,4})\.(\d+)\.(\d+)$/.exec(part) ?? [];
    found.set(directory, { mode: Number.parseInt(mode, 8), uid: Number(uid), gid: Number(gid) });
  }
  const isKnown = [...found.keys()].every((key) => (kept as readonly string[]).includes(key));
  return first === prefix && isKnown ? found : undefined;
}

/**
 * The directory with just these nodes; made if it is absent or anything in it is unlike them. It is there
 * whole or not at all. Containers that run keep the one they were started on: a damaged one is set aside,
 * and removed by the next daemon.
 */
async function ensure(
  root: string,
  name: string,
  attributes: Map<string, Attributes>,
): Promise<string> {
  const path = join(root, name);
  if (await isWhole(path, attributes)) return path;
  const suffix = randomBytes(8).toString("hex");
  const staging = join(root, `staging-${suffix}`);
  for (const [node, kind] of nodes) {
    await make(join(staging, node), kind, attributes.get(node) ?? ordinary);
  }
  await rename(path, join(root, `damaged-${suffix}`)).catch(ignoreAbsent);
  await rename(staging, path);
  return path;
}

async function make(path: string, node: Node, { mode, uid, gid }: Attributes): Promise<void> {
  if (typeof node === "object") {
    await symlink(node.link, path);
    return await lchown(path, uid, gid);
  }
  if (node === "directory") await mkdir(path);
  else await writeFile(path, "", { flag: "wx" });
  await chown(path, uid, gid);
  await chmod(path, mode);
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

async function isWhole(root: string, attributes: Map<string, Attributes>): Promise<boolean> {
  try {
    for (const [name, node] of nodes) {
      const wanted = attributes.get(name) ?? ordinary;
      if (!(await isNode(join(root, name), name, node, wanted))) return false;
    }
    return true;
  } catch {
    return false;
  }
}

async function isNode(
  path: string,
  name: string,
  node: Node,
  { mode, uid, gid }: Attributes,
): Promise<boolean> {
  const stats = await lstat(path);
  if (stats.uid !== uid || stats.gid !== gid) return false;
  if (typeof node === "object")
    return stats.isSymbolicLink() && (await readlink(path)) === node.link;
  if ((stats.mode & 0o7777) !== mode) return false;
  if (node === "file") return stats.isFile() && stats.size === 0 && stats.nlink === 1;
  const names = new Set(await readdir(path));
  return stats.isDirectory() && childrenOf(name).symmetricDifference(names).size === 0;
}

function childrenOf(directory: string): Set<string> {
  const start = directory === "" ? "" : `${directory}/`;
  const below = [...nodes.keys()].filter((name) => name !== "" && name.startsWith(start));
  const names = below.map((name) => name.slice(start.length));
  return new Set(names.filter((name) => name !== "" && !name.includes("/")));
}
