import { readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CgroupRef } from "../../native-types/native.ts";
import type { Container } from "./container.ts";

/** The leaf that holds a container's processes. */
export function cgroupName(id: string): string {
  return `rt-${id}`;
}

/** Where a container's control groups are; `parent` is the daemon's setting. */
export function cgroupOf({ id, hostConfig }: Container, parent: string | null): CgroupRef {
  return { parent: hostConfig.CgroupParent || parent, name: cgroupName(id) };
}

/** Attempts to remove a cgroup, 20 ms apart: it stays busy until its last process is gone. */
const attempts = 50;

/**
 * Ends what is left of containers that have no monitor any more, and removes their cgroups, in every
 * hierarchy and wherever the parent is: the name holds the id. A walk over all cgroups, for rare use.
 */
export async function removeStrayCgroups(ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  const names = new Set(ids.map(cgroupName));
  for (const mount of await cgroupMounts()) {
    for (const directory of await findBelow(mount, names)) {
      // Kills what is in it and below it; v1 has no such file, and there the monitor's end is all.
      await writeFile(join(directory, "cgroup.kill"), "1", { flag: "r+" }).catch(() => {});
      for (const each of await listDeepestFirst(directory)) await removeSoon(each);
    }
  }
}

/** Mount points of cgroup file systems, see proc_pid_mountinfo(5). */
async function cgroupMounts(): Promise<string[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  return lines
    .filter((line) => /^cgroup2? /.test(line.split(" - ")[1] ?? ""))
    .map((line) => line.split(" ")[4] ?? "");
}

async function findBelow(directory: string, names: Set<string>): Promise<string[]> {
  const found: string[] = [];
  for (const child of await children(directory)) {
    const path = join(directory, child);
    if (names.has(child)) found.push(path);
    else found.push(...(await findBelow(path, names)));
  }
  return found;
}

async function listDeepestFirst(directory: string): Promise<string[]> {
  const list: string[] = [];
  for (const child of await children(directory))
    list.push(...(await listDeepestFirst(join(directory, child))));
  return [...list, directory];
}

async function children(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function removeSoon(directory: string): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const isGone = await rmdir(directory).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== "EBUSY",
    );
    if (isGone) return;
    await sleep(20);
  }
}
