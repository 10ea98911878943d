import { EngineError } from "../../errors.ts";
import type { CgroupRef, Native } from "../../native-types/native.ts";
import type { EventBus } from "../events/bus.ts";
import { cgroupOf } from "./cgroups.ts";
import { isRunning } from "./container.ts";
import { eventAttributes } from "./events.ts";
import { type ContainerTable, type Entry, inTurn } from "./table.ts";

export interface FreezerParts {
  native: Pick<Native, "freeze" | "isFrozen">;
  table: ContainerTable;
  events: EventBus;
  cgroupParent: string | null;
  /** Told after a change, so that the health check pauses too. */
  onChange(entry: Entry): void;
}

/** Pauses containers: the kernel stops every process of their control groups where it stands. */
export class Freezer {
  readonly #parts: FreezerParts;

  constructor(parts: FreezerParts) {
    this.#parts = parts;
  }

  pause(entry: Entry): Promise<void> {
    return inTurn(entry, async () => {
      const { id } = entry.container;
      const { status } = entry.state;
      if (status === "paused")
        throw new EngineError("conflict", `Container ${id} is already paused`);
      if (status === "restarting") {
        throw new EngineError(
          "conflict",
          `Container ${id} is restarting, wait until the container is running`,
        );
      }
      if (status !== "running") throw new EngineError("conflict", `Container ${id} is not running`);
      await this.#parts.native.freeze({ ...this.#cgroup(entry), frozen: true });
      // It may have ended meanwhile.
      if (isRunning(entry.state)) this.#save(entry, "paused");
    });
  }

  unpause(entry: Entry): Promise<void> {
    return inTurn(entry, async () => {
      if (entry.state.status !== "paused") {
        throw new EngineError("conflict", `Container ${entry.container.id} is not paused`);
      }
      await this.thaw(entry);
    });
  }

  /** Lets a paused container go on, as a signal that is to end it must. Does nothing for others. */
  async thaw(entry: Entry): Promise<void> {
    if (entry.state.status !== "paused") return;
    try {
      await this.#parts.native.freeze({ ...this.#cgroup(entry), frozen: false });
    } catch (error) {
      // SIGKILL reaches frozen processes: the cgroup may be gone already.
      if (!(error instanceof EngineError) || error.code !== "not_found") throw error;
    }
    if (entry.state.status === "paused") this.#save(entry, "running");
  }

  /** Does `work` while the container's processes stand still; one that does not run needs no pause. */
  async whilePaused<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
    if (entry.state.status !== "running") return await work();
    await this.pause(entry);
    try {
      return await work();
    } finally {
      await inTurn(entry, () => this.thaw(entry));
    }
  }

  /** Asks the kernel. */
  isFrozen(entry: Entry): boolean {
    return this.#parts.native.isFrozen(this.#cgroup(entry));
  }

  #save(entry: Entry, status: "paused" | "running"): void {
    const { table, events, onChange } = this.#parts;
    table.saveState(entry, { ...entry.state, status });
    const action = status === "paused" ? "pause" : "unpause";
    events.publish("container", action, entry.container.id, eventAttributes(entry.container));
    onChange(entry);
  }

  #cgroup({ container }: Entry): CgroupRef {
    return cgroupOf(container, this.#parts.cgroupParent);
  }
}
