import { readFile } from "node:fs/promises";
import { EngineError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { ExitRecord, Native } from "../../native-types/native.ts";
import type { EventBus } from "../events/bus.ts";
import type { Attacher } from "../networks/attacher.ts";
import { removeStrayCgroups } from "./cgroups.ts";
import {
  type ContainerState,
  notConnected,
  notRunning,
  nowRfc3339,
  zeroTime,
} from "./container.ts";
import { eventAttributes } from "./events.ts";
import { startingHealth } from "./health-state.ts";
import { MonitorControl } from "./monitor.ts";
import { publishVolumes } from "./mount-events.ts";
import { type ContainerPaths, containerPaths } from "./paths.ts";
import type { LaunchPlanner } from "./planner.ts";
import type { Restarter } from "./restarter.ts";
import type { Spares } from "./spares.ts";
import { type ContainerTable, type Entry, inTurn, settleExit } from "./table.ts";

export interface SupervisorParts {
  native: Pick<Native, "launch">;
  spares: Pick<Spares, "refill">;
  table: ContainerTable;
  attacher: Attacher;
  events: EventBus;
  log: Log;
  dataRoot: string;
  runRoot: string;
  planner: LaunchPlanner;
  restarter: Restarter;
  /** Told of each container that runs now: started, or found after a daemon restart. */
  onRun(entry: Entry): void;
  /** Told of each exit after its state is saved. */
  onExit(entry: Entry): void;
}

/** What is recorded when nobody can say how a container ended. */
const lostExit = { exitCode: 137, oomKilled: false, error: "the container's monitor was killed" };

/** Starts containers and follows them through their monitors to their ends. */
export class Supervisor {
  readonly #parts: SupervisorParts;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
  }

  paths(entry: Entry): ContainerPaths {
    return containerPaths(this.#parts.dataRoot, this.#parts.runRoot, entry.container.id);
  }

  /** False if it runs already, or is about to by its restart policy. */
  start(entry: Entry): Promise<boolean> {
    return inTurn(entry, async () => {
      const { status } = entry.state;
      if (entry.isRemoving)
        throw new EngineError("conflict", "container is marked for removal and cannot be started");
      if (status === "paused")
        throw new EngineError("conflict", "cannot start a paused container, try unpause instead");
      if (status === "running" || status === "restarting") return false;
      this.#parts.restarter.forget(entry);
      await this.#tryLaunch(entry, { restartCount: 0, hasBeenManuallyStopped: false });
      return true;
    });
  }

  /** A start of the restart policy's, which has its turn already. */
  async relaunch(entry: Entry): Promise<void> {
    await this.#tryLaunch(entry, {});
  }

  async #tryLaunch(entry: Entry, changes: Partial<ContainerState>): Promise<void> {
    const before = entry.state;
    try {
      await this.#launch(entry, changes);
    } catch (error) {
      await this.#startFailed(entry, before, error);
      throw error;
    }
  }

  async #launch(entry: Entry, changes: Partial<ContainerState>): Promise<void> {
    const { native, attacher, planner, table, events } = this.#parts;
    const { container } = entry;
    const paths = this.paths(entry);
    const { endpoints, plans } = await attacher.connectAll(container);
    const launching = native.launch(await planner.plan(entry, paths, { endpoints, plans }));
    // Meanwhile, what its ports take.
    const publishing = attacher.publish(entry, endpoints);
    // Heard of below, or by the release that follows a launch that failed.
    publishing.catch(() => {});
    const launched = await launching;
    const control = await MonitorControl.open(paths.socket);
    try {
      const ports = await publishing;
      // Before the gate opens: should this daemon die now, the next one knows what it finds.
      const startedAt = nowRfc3339();
      const places = { endpoints, ports };
      table.saveState(entry, { ...entry.state, ...changes, ...launched, ...places, startedAt });
      await attacher.updateNames(endpoints);
      attacher.tell("connect", entry, endpoints);
      // Those who attached early, before the gate opens, so that no output escapes them.
      const monitor = { control, socket: paths.socket };
      await Promise.all(entry.pending.splice(0).map((pending) => pending.join(monitor)));
      await control.start();
    } catch (error) {
      control.close();
      throw error;
    }
    entry.exited = Promise.withResolvers();
    table.saveState(entry, {
      ...entry.state,
      status: "running",
      health: startingHealth(container.config, entry.state.health),
      exitCode: 0,
      oomKilled: false,
      error: "",
    });
    publishVolumes(events, container, "mount");
    events.publish("container", "start", container.id, eventAttributes(container));
    this.follow(entry, control);
    this.#parts.spares.refill();
  }

  /** As before, but for what went wrong. */
  async #startFailed(entry: Entry, before: ContainerState, error: unknown): Promise<void> {
    const { attacher, table, events } = this.#parts;
    const { endpoints } = entry.state;
    await attacher.release(entry);
    for (const pending of entry.pending.splice(0)) pending.cancel();
    const codes: Record<string, number> = { command_not_found: 127, command_not_executable: 126 };
    const exitCode = (error instanceof EngineError ? codes[error.code] : undefined) ?? 128;
    // Docker too gives up a policy whose start fails.
    const status = before.status === "restarting" ? "exited" : before.status;
    table.saveAnyway(entry, { ...before, status, exitCode, error: messageOf(error) });
    await attacher.updateNames(endpoints);
    events.publish("container", "die", entry.container.id, {
      ...eventAttributes(entry.container),
      exitCode: String(exitCode),
    });
    attacher.tell("disconnect", entry, endpoints);
    settleExit(entry);
    this.#parts.onExit(entry);
  }

  /** Takes a container up whose monitor answers. */
  follow(entry: Entry, control: MonitorControl): void {
    entry.monitor = control;
    control.onOom = () => this.#oomKilled(entry);
    void control.exited
      .then((record) => this.ended(entry, record, "exit"))
      .catch((error: unknown) => {
        this.#parts.log.error(`record the exit of container ${entry.container.id}:`, error);
      });
    this.#parts.onRun(entry);
  }

  /** A process of it was killed for lack of memory; the container itself may live on. */
  #oomKilled(entry: Entry): void {
    const { table, events } = this.#parts;
    if (!entry.state.oomKilled) table.saveState(entry, { ...entry.state, oomKilled: true });
    events.publish("container", "oom", entry.container.id, eventAttributes(entry.container));
  }

  /** The container runs no more. Without a record the monitor may still have written one. */
  async ended(entry: Entry, told: ExitRecord | undefined, moment: "exit" | "boot"): Promise<void> {
    const { attacher, table, events, restarter } = this.#parts;
    const paths = this.paths(entry);
    let record = told ?? (await readExitRecord(paths));
    entry.monitor = undefined;
    if (record === undefined) {
      await this.sweep([entry]);
      record = { ...lostExit, finishedAt: nowRfc3339() };
    }
    const { endpoints } = entry.state;
    await attacher.release(entry);
    const ranFor = between(entry.state.startedAt, record.finishedAt);
    const comesBack = restarter.wants(entry, record.exitCode, moment);
    const { health, restartCount, oomKilled: wasTold } = entry.state;
    table.saveAnyway(entry, {
      ...entry.state,
      ...notRunning,
      status: comesBack ? "restarting" : "exited",
      restartCount: restartCount + (comesBack ? 1 : 0),
      // As Docker: what does not run is not healthy.
      health: health === null ? null : { ...health, status: "unhealthy" },
      exitCode: record.exitCode,
      oomKilled: record.oomKilled,
      error: record.error,
      finishedAt: record.finishedAt,
      ...notConnected,
    });
    await attacher.updateNames(endpoints);
    const attributes = eventAttributes(entry.container);
    if (record.oomKilled && !wasTold)
      events.publish("container", "oom", entry.container.id, attributes);
    events.publish("container", "die", entry.container.id, {
      ...attributes,
      exitCode: String(record.exitCode),
      execDuration: String(Math.floor(ranFor / 1000)),
    });
    publishVolumes(events, entry.container, "unmount");
    attacher.tell("disconnect", entry, endpoints);
    settleExit(entry);
    if (comesBack) restarter.schedule(entry, ranFor);
    this.#parts.onExit(entry);
  }

  /** What a monitor that was killed could not take away. */
  async sweep(entries: Entry[]): Promise<void> {
    const ids = entries.map(({ container }) => container.id);
    await removeStrayCgroups(ids).catch((error: unknown) => {
      this.#parts.log.warn(`remove stray cgroups: ${messageOf(error)}`);
    });
  }
}

/** The monitor's own record; one that found the disk full has put it into its run directory. */
export async function readExitRecord(paths: ContainerPaths): Promise<ExitRecord | undefined> {
  for (const path of [paths.exitRecord, paths.spareExitRecord]) {
    try {
      return JSON.parse(await readFile(path, "utf8")) as ExitRecord;
    } catch {
      // Absent or torn.
    }
  }
  return undefined;
}

/** Milliseconds between two moments of RFC 3339; 0 if one of them never was. */
function between(from: string, to: string): number {
  return from === zeroTime ? 0 : Math.max(0, Date.parse(to) - Date.parse(from));
}
