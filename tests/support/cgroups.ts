/** The cgroups that a world's daemon runs in, on v1, v2 and hybrid hosts. */
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Directories of this process's own cgroup, one per mounted hierarchy. */
export async function findOwnCgroups(): Promise<string[]> {
  const membership = (await readFile("/proc/self/cgroup", "utf8")).trim().split("\n");
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).trim().split("\n");
  const found: string[] = [];
  for (const line of mounts) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "/", point = ""] = before.split(" ");
    const [type, , options = ""] = after.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") continue;
    const own = membership.find((entry) => {
      const controllers = entry.split(":")[1] ?? "";
      if (type === "cgroup2") return controllers === "";
      return (
        controllers !== "" &&
        controllers.split(",").every((each) => options.split(",").includes(each))
      );
    });
    const path = own?.split(":").slice(2).join(":");
    if (path?.startsWith(root)) found.push(join(point, path.slice(root === "/" ? 0 : root.length)));
  }
  return found;
}

/** Makes a child called `name` in each; gives their directories. */
export async function createCgroups(parents: readonly string[], name: string): Promise<string[]> {
  const made: string[] = [];
  for (const parent of parents) {
    const path = join(parent, name);
    await mkdir(path);
    made.push(path);
    // A new v1 cpuset is empty and takes no process until it has processors and memory nodes.
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      const value = await readFile(join(parent, file), "utf8").catch(() => undefined);
      if (value !== undefined && value.trim() !== "") {
        await writeFile(join(path, file), value).catch(() => undefined);
      }
    }
  }
  return made;
}

/** All cgroups below these, deepest first. */
export async function listBelow(roots: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const root of roots) {
    const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isDirectory()) continue;
      const path = join(root, entry.name);
      found.push(...(await listBelow([path])), path);
    }
  }
  return found;
}

export async function removeCgroups(roots: readonly string[]): Promise<void> {
  for (const path of [...(await listBelow(roots)), ...roots]) {
    await rmdir(path).catch(() => undefined);
  }
}
