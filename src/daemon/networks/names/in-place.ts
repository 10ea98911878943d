import { open } from "node:fs/promises";

/** Larger ones are none of ours, whatever they were. */
const largest = 1024 * 1024;

/**
 * Changes a file that a running container has mounted: the file itself stays, and is never empty meanwhile. False
 * if there was nothing to change, or the container has made something else of it.
 */
export async function rewriteInPlace(
  path: string,
  change: (text: string) => string,
): Promise<boolean> {
  await using file = await open(path, "r+");
  const { size } = await file.stat();
  if (size > largest) return false;
  const text = await file.readFile("utf8");
  const changed = change(text);
  if (changed === text) return false;
  const bytes = Buffer.from(changed);
  await file.write(bytes, 0, bytes.length, 0);
  await file.truncate(bytes.length);
  return true;
}

/** True if nobody has written to the file since. */
export async function isUntouchedSince(path: string, moment: string): Promise<boolean> {
  await using file = await open(path, "r");
  const { mtimeMs } = await file.stat();
  // Of the moment no more than its milliseconds are read.
  return mtimeMs < Date.parse(moment) + 1;
}
