import { posix } from "node:path";
import { EngineError } from "../../errors.ts";

/** How `cp` reads paths: what their end says, and what the thing copied is called in the end. */

/** "CONTAINER:PATH" or a local path; an absolute path and "./a:b" are local. */
export function splitArgument(argument: string): { container: string; path: string } {
  const colon = argument.indexOf(":");
  if (argument.startsWith("/") || argument.startsWith(".") || colon < 0) {
    return { container: "", path: argument };
  }
  return { container: argument.slice(0, colon), path: argument.slice(colon + 1) };
}

/** The last component without slashes at the end; "/" of the root, "." of "dir/.". */
export function baseOf(path: string): string {
  if (path === "") return ".";
  const trimmed = path.replace(/\/+$/, "");
  return trimmed === "" ? "/" : trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

function isCurrentDirectory(path: string): boolean {
  return baseOf(path) === ".";
}

function endsWithSlash(path: string): boolean {
  return path.endsWith("/");
}

/** A path without "." and "..", but for the end that means something. */
export function cleanKeepingEnd(path: string, original = path): string {
  let clean = posix.normalize(path).replace(/(.)\/+$/, "$1");
  if (!isCurrentDirectory(clean) && isCurrentDirectory(original)) {
    clean += endsWithSlash(clean) ? "." : "/.";
  }
  if (!endsWithSlash(clean) && endsWithSlash(original)) clean += "/";
  return clean;
}

/** The directory that holds it, and its name in there. */
export function splitEntry(path: string): { directory: string; base: string } {
  const clean = posix.normalize(path).replace(/(.)\/+$/, "$1");
  const marked = isCurrentDirectory(path) ? `${clean}/.` : clean;
  const slash = marked.lastIndexOf("/");
  const directory = slash < 0 ? "." : slash === 0 ? "/" : marked.slice(0, slash);
  return { directory, base: baseOf(marked) };
}

/** Where a link leads, with the end that was typed; and the link's name, if the copy shall keep it. */
export function followedName(
  path: string,
  target: string,
): { path: string; rebaseName: string | undefined } {
  let resolved = target;
  if (isCurrentDirectory(path) && !isCurrentDirectory(resolved)) resolved += "/.";
  if (endsWithSlash(path) && !endsWithSlash(resolved)) resolved += "/";
  const differs = baseOf(path) !== baseOf(resolved);
  return { path: resolved, rebaseName: differs ? baseOf(path) : undefined };
}

export interface CopySource {
  path: string;
  isDirectory: boolean;
  /** What the copy is called in place of the source's own name. */
  rebaseName: string | undefined;
}

export interface CopyDestination {
  path: string;
  exists: boolean;
  isDirectory: boolean;
}

/** Where an archive of the source is unpacked, and what its top entry is called there. */
export function placeCopy(
  source: CopySource,
  destination: CopyDestination,
): { directory: string; name: string } {
  const own = source.rebaseName ?? splitEntry(source.path).base;
  const { directory, base } = splitEntry(destination.path);
  if (destination.exists && destination.isDirectory)
    return { directory: destination.path, name: own };
  if (destination.exists && source.isDirectory)
    throw new EngineError("invalid_argument", "cannot copy directory");
  if (!destination.exists && !source.isDirectory && assertsDirectory(destination.path))
    throw new EngineError("not_found", "no such directory");
  return { directory, name: base };
}

function assertsDirectory(path: string): boolean {
  return endsWithSlash(path) || isCurrentDirectory(path);
}

/** An archive's names with its top one replaced. */
export function renameTop(from: string, to: string): (name: string) => string {
  const top = from === "/" ? "" : from;
  return (name) => {
    const plain = name.replace(/\/+$/, "");
    if (plain === top) return to;
    return name.startsWith(`${top}/`) ? `${to}/${name.slice(top.length + 1)}` : name;
  };
}
