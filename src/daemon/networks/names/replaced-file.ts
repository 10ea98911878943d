import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Puts a file in place of another at once, so that whoever reads it sees the one or the other. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const next = `${path}.new`;
  try {
    await writeFile(next, content, { mode: 0o600 });
  } catch (error) {
    if (!isAbsent(error)) throw error;
    // Another first write may be doing the same.
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(next, content, { mode: 0o600 });
  }
  await rename(next, path);
}

/** What is absent is no error. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
