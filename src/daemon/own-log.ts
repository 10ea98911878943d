import { copyFileSync, fstatSync, ftruncateSync, readlinkSync } from "node:fs";
import { daemonLogPath } from "../api/daemon-log.ts";

/** Bytes of the log, and of the older half beside it. */
const maxBytes = 4 * 1024 * 1024;
const standardError = 2;

export interface BoundedFile {
  fd: number;
  /** A name of the same file. */
  path: string;
  maxBytes: number;
  write(text: string): void;
}

/**
 * How the daemon writes its own log. Standard error is whoever's who started it, and theirs to bound; where a
 * client did, it is a file on a file system in memory that nobody else looks after.
 */
export function writeOwnLog(): (text: string) => void {
  const write = (text: string): void => {
    process.stderr.write(text);
  };
  if (nameOf(standardError) !== daemonLogPath) return write;
  return boundFile({ fd: standardError, path: daemonLogPath, maxBytes, write });
}

/**
 * Copies the file to `PATH.1` and empties it before it grows beyond its bound. It is not renamed: others have
 * it open for appending too, among them the runtime, which would write a crash into it.
 */
export function boundFile({ fd, path, maxBytes, write }: BoundedFile): (text: string) => void {
  let size = fstatSync(fd).size;
  return (text) => {
    const length = Buffer.byteLength(text);
    if (size > 0 && size + length > maxBytes) {
      size = turn(fd, path);
    }
    write(text);
    size += length;
  };
}

/** Bytes that are left in the file. A file that cannot be copied is emptied all the same. */
function turn(fd: number, path: string): number {
  try {
    copyFileSync(path, `${path}.1`);
  } catch {
    // The disk is full, or somebody has removed the file.
  }
  try {
    ftruncateSync(fd, 0);
  } catch {
    // Not open for writing to its beginning: it grows on, and is looked at again a bound later.
  }
  return 0;
}

function nameOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}
