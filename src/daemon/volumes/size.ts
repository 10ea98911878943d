import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

/** Bytes of the files below a directory, each file once; links are not followed, what vanishes is left out. */
export async function treeSize(root: string): Promise<number> {
  const seen = new Set<string>();
  const rest = [root];
  let size = 0;
  for (let directory = rest.pop(); directory !== undefined; directory = rest.pop()) {
    const entries = await opendir(directory).catch(() => undefined);
    if (entries === undefined) continue;
    for await (const entry of entries) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) {
        rest.push(path);
        continue;
      }
      const found = await lstat(path).catch(() => undefined);
      if (found === undefined) continue;
      const id = `${found.dev}:${found.ino}`;
      if (found.nlink > 1 && seen.has(id)) continue;
      if (found.nlink > 1) seen.add(id);
      size += found.size;
    }
  }
  return size;
}
