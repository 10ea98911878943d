import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Puts a file in place of another at once, so that whoever reads it sees the one or the other. At once for the caller
 * too: these files are small and in memory, and a start or an end would wait far longer for another thread.
 */
export function replaceFile(path: string, content: string): void {
  const next = `${path}.new`;
  try {
    writeFileSync(next, content, { mode: 0o600 });
  } catch (error) {
    if (!isAbsent(error)) throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(next, content, { mode: 0o600 });
  }
  renameSync(next, path);
}

/** What is absent is no error. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
