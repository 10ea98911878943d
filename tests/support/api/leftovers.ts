/** What a daemon keeps on disk: names of files, but for those whose names are the kind that come and go. */
import { readdir } from "node:fs/promises";
import type { Daemon } from "../daemon.ts";

export async function filesOf(daemon: Daemon): Promise<Set<string>> {
  const found = new Set<string>();
  for (const root of [daemon.dataRoot, daemon.runRoot]) {
    for (const path of await readdir(root, { recursive: true })) found.add(`${root}/${path}`);
  }
  return found;
}
