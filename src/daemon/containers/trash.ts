import { mkdir, readdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Native } from "../../native-types.ts";

/** Milliseconds before the second attempt, which is the last of this daemon's. */
const again = 1000;

export interface TrashParts {
  native: Pick<Native, "removeTree">;
  log: Log;
  /** One directory on each file system that trees come from. */
  directories: { of: string; trash: string }[];
}

/** Makes trees vanish in one step, and removes them afterwards, after a crash at the next start. */
export class Trash {
  readonly #parts: TrashParts;
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
    const { native, log } = this.#parts;
    if (found === undefined) return await native.removeTree(path);
    const grave = join(found.trash, `${basename(path)}-${this.#next++}`);
    try {
      await rename(path, grave);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      return await native.removeTree(path);
    }
    void native
      .removeTree(grave)
      // Something may have been put into it meanwhile.
      .catch(() => sleep(again).then(() => native.removeTree(grave)))
      .catch((error: unknown) => log.warn(`empty the trash: ${messageOf(error)}`));
  }
}
