import { lstat, readlink, realpath, stat } from "node:fs/promises";
import { posix } from "node:path";
import { EngineError } from "../../errors.ts";
import { toPathError } from "./pack.ts";
import {
  baseOf,
  type CopyDestination,
  type CopySource,
  cleanKeepingEnd,
  followedName,
  splitEntry,
} from "./paths.ts";

const maxLinks = 10;

/** A local path as absolute, with the end that was typed. */
export function absolute(path: string): string {
  return cleanKeepingEnd(path.startsWith("/") ? path : `${process.cwd()}/${path}`, path);
}

/** What is copied: the link itself, or with `follow` what it leads to. */
export async function findSource(path: string, follow: boolean): Promise<CopySource> {
  const found = await resolveSource(path, follow);
  const isDirectory = (await lstat(found.path).catch(toPathError)).isDirectory();
  return { ...found, isDirectory };
}

async function resolveSource(path: string, follow: boolean) {
  if (follow) return followedName(path, await realpath(path).catch(toPathError));
  // Links on the way are followed, the last part is not.
  const slash = path.lastIndexOf("/");
  const directory = await realpath(path.slice(0, slash + 1)).catch(toPathError);
  const resolved = `${directory.replace(/\/$/, "")}/${path.slice(slash + 1)}`;
  const isRenamed = path.endsWith("/") && baseOf(path) !== baseOf(resolved);
  return { path: resolved, rebaseName: isRenamed ? baseOf(path) : undefined };
}

/** Where a copy goes; a link there is followed. */
export async function findDestination(path: string): Promise<CopyDestination> {
  let here = path;
  for (let links = 0; links <= maxLinks; links++) {
    const found = await lstat(here).catch(absent);
    if (found === undefined) return await missing(here);
    if (!found.isSymbolicLink())
      return { path: here, exists: true, isDirectory: found.isDirectory() };
    const target = await readlink(here).catch(toPathError);
    here = posix.resolve(splitEntry(here).directory, target);
  }
  throw new EngineError("invalid_argument", `too many links: ${path}`);
}

async function missing(path: string): Promise<CopyDestination> {
  const parent = await stat(splitEntry(path).directory).catch(toPathError);
  if (!parent.isDirectory()) throw new EngineError("invalid_argument", "not a directory");
  return { path, exists: false, isDirectory: false };
}

/** Refuses a destination that could never be one, in Docker's words and before anything is asked. */
export async function checkOutput(path: string): Promise<void> {
  const directory = posix.dirname(posix.normalize(path));
  if ((await stat(directory).catch(absent)) === undefined) {
    throw new EngineError(
      "invalid_argument",
      `invalid output path: directory ${JSON.stringify(directory)} does not exist`,
    );
  }
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile() || found.isDirectory()) return;
  const isDevice = found.isBlockDevice() || found.isCharacterDevice();
  throw new EngineError(
    "invalid_argument",
    `invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: ${isDevice ? "got a device" : "got an irregular file"}`,
  );
}

function absent(error: unknown): undefined {
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code !== "ENOENT") toPathError(error);
}
