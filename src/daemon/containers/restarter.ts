import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { Limiter } from "../images/limiter.ts";
import { decideRestart, nextDelay } from "./restart-policy.ts";
import { type ContainerTable, type Entry, inTurn, settleExit } from "./table.ts";

export interface RestarterParts {
  table: ContainerTable;
  log: Log;
  /** Starts a container whose turn it is, as a start of the policy's. */
  relaunch(entry: Entry): Promise<void>;
}

/** Starts that are under way at once: after a boot of the host there may be hundreds to make. */
const parallel = 8;

/** Carries out restart policies: the timers between an exit and the next start. */
export class Restarter {
  readonly #parts: RestarterParts;
  readonly #timers = new Map<Entry, ReturnType<typeof setTimeout>>();
  readonly #delays = new WeakMap<Entry, number>();
  readonly #limiter = new Limiter(parallel);
  readonly #opened = Promise.withResolvers<void>();

  constructor(parts: RestarterParts) {
    this.#parts = parts;
  }

  /** True if the policy of a container that has ended wants it started again. */
  wants(entry: Entry, exitCode: number, moment: "exit" | "boot"): boolean {
    const { RestartPolicy } = entry.container.hostConfig;
    const { status, hasBeenManuallyStopped: stopped } = entry.state;
    // A start that is due has been counted.
    const restartCount = entry.state.restartCount - (status === "restarting" ? 1 : 0);
    return (
      !entry.isRemoving && decideRestart(RestartPolicy, { exitCode, restartCount, stopped, moment })
    );
  }

  /** Starts it after the back-off that its last run of `ranFor` milliseconds has earned. */
  schedule(entry: Entry, ranFor: number): void {
    const delay = nextDelay(this.#delays.get(entry) ?? 0, ranFor);
    this.#delays.set(entry, delay);
    this.#startIn(entry, delay);
  }

  /** After the start of the daemon: what the policy of each container wants that does not run. */
  boot(): void {
    const { table } = this.#parts;
    for (const entry of table.all()) {
      const { status, exitCode } = entry.state;
      // What has ended just now is scheduled already; what never ran is the user's to start.
      if (this.#timers.has(entry) || (status !== "exited" && status !== "restarting")) continue;
      if (this.wants(entry, exitCode, "boot")) {
        const count = status === "restarting" ? entry.state.restartCount : 0;
        table.saveAnyway(entry, { ...entry.state, status: "restarting", restartCount: count });
        this.#startIn(entry, 0);
      } else if (status === "restarting") {
        table.saveAnyway(entry, { ...entry.state, status: "exited" });
      }
    }
    this.#opened.resolve();
  }

  /** Forgets the back-off: the user has started it. */
  forget(entry: Entry): void {
    this.#delays.delete(entry);
  }

  /** Gives up a start that is due. False if none was. */
  cancel(entry: Entry): boolean {
    clearTimeout(this.#timers.get(entry));
    this.#timers.delete(entry);
    this.#delays.delete(entry);
    if (entry.state.status !== "restarting") return false;
    this.#parts.table.saveAnyway(entry, { ...entry.state, status: "exited" });
    settleExit(entry);
    return true;
  }

  /** The policy was changed: a start that is due and no longer wanted is given up. */
  reconsider(entry: Entry): void {
    const isDue = entry.state.status === "restarting";
    if (isDue && !this.wants(entry, entry.state.exitCode, "exit")) this.cancel(entry);
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #startIn(entry: Entry, delay: number): void {
    const timer = setTimeout(() => {
      void this.#opened.promise
        .then(() => this.#limiter.run(() => this.#start(entry, timer)))
        .catch((error: unknown) => {
          const { name } = entry.container;
          this.#parts.log.warn(`restart container ${name}: ${messageOf(error)}`);
        });
    }, delay);
    this.#timers.set(entry, timer);
  }

  #start(entry: Entry, timer: ReturnType<typeof setTimeout>): Promise<void> {
    return inTurn(entry, async () => {
      // Cancelled, or removed, while it waited for its turn.
      if (this.#timers.get(entry) !== timer || entry.isRemoving) return;
      this.#timers.delete(entry);
      if (entry.state.status === "restarting") await this.#parts.relaunch(entry);
    });
  }
}
