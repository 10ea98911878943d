import { mkdir, readdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Native } from "../../native-types/native.ts";

/** Milliseconds before the second attempt, which is the last of this daemon's. */
const again = 1000;
/** Milliseconds that a daemon which ends waits for the removals it has begun. */
const lastPatience = 5000;

export interface TrashParts {
  native: Pick<Native, "removeTree">;
  log: Log;
  /** One directory on each file system that trees come from. */
  directories: { of: string; trash: string }[];
}

/**
 * Makes trees vanish in one step, and removes them afterwards: at the latest when the daemon ends, or,
 * where that did not come to it, at the next start.
 */
export class Trash {
  readonly #parts: TrashParts;
  readonly #removals = new Set<Promise<void>>();
  #next = 0;

  constructor(parts: TrashParts) {
    this.#parts = parts;
  }

  async open(): Promise<void> {
    for (const { trash } of this.#parts.directories) {
      await mkdir(trash, { recursive: true, mode: 0o700 });
      for (const name of await readdir(trash))
        await this.#parts.native.removeTree(join(trash, name));
    }
  }

  /** Returns once nothing is at `path`; what is absent is no error. */
  async take(path: string): Promise<void> {
    const found = this.#parts.directories.find(({ of }) => path.startsWith(`${of}/`));
    if (found === undefined) return await this.#parts.native.removeTree(path);
    const grave = join(found.trash, `${basename(path)}-${this.#next++}`);
    try {
      await rename(path, grave);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      return await this.#parts.native.removeTree(path);
    }
    const removal = this.#empty(grave).finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  /** Returns once what was taken is removed; what takes too long is left to the next daemon. */
  async close(patience = lastPatience): Promise<void> {
    const isOver = new AbortController();
    const late = sleep(patience, undefined, { signal: isOver.signal }).catch(() => {});
    await Promise.race([Promise.all(this.#removals), late]);
    isOver.abort();
  }

  /** Never rejects. */
  async #empty(grave: string): Promise<void> {
    const { native, log } = this.#parts;
    await native
      .removeTree(grave)
      // Something may have been put into it meanwhile.
      .catch(() => sleep(again).then(() => native.removeTree(grave)))
      .catch((error: unknown) => log.warn(`empty the trash: ${messageOf(error)}`));
  }
}
