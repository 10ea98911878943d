import { readFile, rm } from "node:fs/promises";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { ExitRecord, Native } from "../../native-types.ts";
import type { EventBus } from "../events/bus.ts";
import type { NetworkService } from "../networks/service.ts";
import { removeStrayCgroups } from "./cgroups.ts";
import { type ContainerState, isRunning, notRunning, nowRfc3339, zeroTime } from "./container.ts";
import { eventAttributes } from "./events.ts";
import { MonitorAttachment, MonitorControl } from "./monitor.ts";
import { type ContainerPaths, containerPaths } from "./paths.ts";
import type { LaunchPlanner } from "./planner.ts";
import { type ContainerTable, type Entry, inTurn } from "./table.ts";

export interface SupervisorParts {
  native: Pick<Native, "launch" | "prepareMonitor">;
  table: ContainerTable;
  networks: NetworkService;
  events: EventBus;
  log: Log;
  dataRoot: string;
  runRoot: string;
  planner: LaunchPlanner;
  /** Told of each exit after its state is saved. */
  onExit(entry: Entry): void;
}

/** Milliseconds that a monitor gets to end after it was let go. */
const gatePatience = 1000;

/** Milliseconds that SIGKILL gets before it is answered all the same. */
const killPatience = 10_000;
/** The longest delay of a timer; a longer one would fire at once. */
const maxDelay = 2 ** 31 - 1;

/** What is recorded when nobody can say how a container ended. */
const lostExit = { exitCode: 137, oomKilled: false, error: "the container's monitor was killed" };

/** Starts containers, follows them through their monitors, and finds them again after a restart. */
export class Supervisor {
  readonly #parts: SupervisorParts;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
  }

  paths(entry: Entry): ContainerPaths {
    return containerPaths(this.#parts.dataRoot, this.#parts.runRoot, entry.container.id);
  }

  /** False if it runs already. */
  start(entry: Entry): Promise<boolean> {
    return inTurn(entry, async () => {
      if (entry.isRemoving)
        throw new EngineError("conflict", "container is marked for removal and cannot be started");
      if (isRunning(entry.state)) return false;
      const before = entry.state;
      try {
        await this.#launch(entry);
      } catch (error) {
        this.#startFailed(entry, before, error);
        throw error;
      }
      return true;
    });
  }

  async #launch(entry: Entry): Promise<void> {
    const { native, networks, planner, table, events } = this.#parts;
    const { container } = entry;
    const paths = this.paths(entry);
    const endpoint = isBridged(entry)
      ? await networks.allocate(container.id, container.macAddress)
      : null;
    const launched = await native.launch(await planner.plan(entry, paths, endpoint));
    const attaching = this.#connectPending(entry, paths);
    attaching.catch(() => {});
    const control = await MonitorControl.open(paths.socket);
    try {
      // Before the gate opens: should this daemon die now, the next one knows what it finds.
      const endpoints: ContainerState["endpoints"] = endpoint === null ? {} : { bridge: endpoint };
      table.saveState(entry, { ...entry.state, ...launched, endpoints, startedAt: nowRfc3339() });
      await attaching;
      await control.start();
    } catch (error) {
      control.close();
      throw error;
    }
    entry.monitor = control;
    entry.exited = Promise.withResolvers();
    table.saveState(entry, {
      ...entry.state,
      status: "running",
      exitCode: 0,
      oomKilled: false,
      error: "",
    });
    events.publish("container", "start", container.id, eventAttributes(container));
    this.#follow(entry, control);
    this.prepareMonitor();
  }

  /** Behind whatever is answered now, so that the next start finds its monitor waiting. */
  prepareMonitor(): void {
    const { native, log } = this.#parts;
    void native
      .prepareMonitor()
      .catch((error: unknown) => log.warn(`prepare a monitor: ${messageOf(error)}`));
  }

  /** Those who attached early are connected before the gate opens, so that no output escapes them. */
  async #connectPending(entry: Entry, paths: ContainerPaths): Promise<void> {
    const connecting = entry.pending.splice(0).map(async (pending) => {
      pending.connect(await MonitorAttachment.connect(paths.socket, pending.flags));
    });
    await Promise.all(connecting);
  }

  /** As before, but for what went wrong. */
  #startFailed(entry: Entry, before: ContainerState, error: unknown): void {
    const { networks, events } = this.#parts;
    if (isBridged(entry)) networks.release(entry.container.id);
    for (const pending of entry.pending.splice(0)) pending.cancel();
    const codes: Record<string, number> = { command_not_found: 127, command_not_executable: 126 };
    const exitCode = (error instanceof EngineError ? codes[error.code] : undefined) ?? 128;
    this.#settle(entry, { ...before, exitCode, error: messageOf(error) });
    events.publish("container", "die", entry.container.id, {
      ...eventAttributes(entry.container),
      exitCode: String(exitCode),
    });
    this.#settleExit(entry);
    this.#parts.onExit(entry);
  }

  #follow(entry: Entry, control: MonitorControl): void {
    void control.exited
      .then((record) => this.#ended(entry, record))
      .catch((error: unknown) => {
        this.#parts.log.error(`record the exit of container ${entry.container.id}:`, error);
      });
  }

  /** The container runs no more. Without a record the monitor may still have written one. */
  async #ended(entry: Entry, told: ExitRecord | undefined): Promise<void> {
    const { networks, events } = this.#parts;
    const paths = this.paths(entry);
    let record = told ?? (await readExitRecord(paths));
    entry.monitor = undefined;
    if (record === undefined) {
      await this.#sweep([entry]);
      record = { ...lostExit, finishedAt: nowRfc3339() };
    }
    if (isBridged(entry)) networks.release(entry.container.id);
    this.#settle(entry, {
      ...entry.state,
      ...notRunning,
      status: "exited",
      exitCode: record.exitCode,
      oomKilled: record.oomKilled,
      error: record.error,
      finishedAt: record.finishedAt,
      endpoints: {},
    });
    const attributes = eventAttributes(entry.container);
    if (record.oomKilled) events.publish("container", "oom", entry.container.id, attributes);
    events.publish("container", "die", entry.container.id, {
      ...attributes,
      exitCode: String(record.exitCode),
    });
    this.#settleExit(entry);
    this.#parts.onExit(entry);
  }

  /** What a monitor that was killed could not take away. */
  async #sweep(entries: Entry[]): Promise<void> {
    const ids = entries.map(({ container }) => container.id);
    await removeStrayCgroups(ids).catch((error: unknown) => {
      this.#parts.log.warn(`remove stray cgroups: ${messageOf(error)}`);
    });
  }

  /**
   * An end has come whether or not it can be written down: whoever waits is told all the same, and the
   * monitor's record tells the next daemon.
   */
  #settle(entry: Entry, state: ContainerState): void {
    try {
      this.#parts.table.saveState(entry, state);
    } catch (error) {
      entry.state = state;
      this.#parts.log.error(`save the state of container ${entry.container.id}:`, error);
    }
  }

  #settleExit(entry: Entry): void {
    entry.exited.resolve(entry.state);
    entry.nextExit.resolve(entry.state);
    entry.nextExit = Promise.withResolvers();
  }

  /** Sends a signal to the container's first process. */
  async #signal(entry: Entry, signal: number): Promise<void> {
    if (entry.monitor === undefined) {
      throw new EngineError("conflict", `container ${entry.container.id} is not running`);
    }
    await entry.monitor.signal(signal);
  }

  /** `kill`: as Docker's, SIGKILL is answered once the container has ended. */
  async kill(entry: Entry, signal: number): Promise<void> {
    // A start or a removal that is under way comes first.
    await entry.busy;
    const { exited } = entry;
    await this.#kill(entry, signal);
    if (signal === constants.signals.SIGKILL) await settlesWithin(exited.promise, killPatience);
  }

  /** A signal, and the event of it. */
  async #kill(entry: Entry, signal: number): Promise<void> {
    await this.#signal(entry, signal);
    const attributes = { ...eventAttributes(entry.container), signal: String(signal) };
    this.#parts.events.publish("container", "kill", entry.container.id, attributes);
  }

  /** Signal, grace period, SIGKILL. False if it did not run. `seconds` < 0 waits for ever. */
  async stop(entry: Entry, signal: number, seconds: number): Promise<boolean> {
    await entry.busy;
    return await this.#stop(entry, signal, seconds);
  }

  /** Ends a container at once, if it runs. For a removal, which has its turn already. */
  async end(entry: Entry): Promise<void> {
    await this.#stop(entry, constants.signals.SIGKILL, 0);
  }

  async #stop(entry: Entry, signal: number, seconds: number): Promise<boolean> {
    if (!isRunning(entry.state)) return false;
    const { exited } = entry;
    await this.#kill(entry, signal).catch(ignoreGone);
    if (seconds < 0 || (await settlesWithin(exited.promise, seconds * 1000))) {
      await exited.promise;
    } else {
      await this.#kill(entry, constants.signals.SIGKILL).catch(ignoreGone);
      await exited.promise;
    }
    this.#parts.events.publish(
      "container",
      "stop",
      entry.container.id,
      eventAttributes(entry.container),
    );
    return true;
  }

  /** After a daemon restart: takes up every monitor that lives, records what has ended meanwhile. */
  async reconcile(): Promise<void> {
    const { table, networks } = this.#parts;
    const entries = table.all();
    await Promise.all(entries.map((entry) => this.#adopt(entry)));
    // A daemon that was killed in the middle of a launch has left one that no monitor knows.
    await this.#sweep(entries.filter(({ state }) => !isRunning(state)));
    networks.releaseAllBut(
      table
        .all()
        .filter(({ state }) => isRunning(state))
        .map(({ container }) => container.id),
    );
  }

  async #adopt(entry: Entry): Promise<void> {
    const { table } = this.#parts;
    const paths = this.paths(entry);
    const control = await findRunning(paths.socket);
    if (control !== undefined) {
      entry.monitor = control;
      if (!isRunning(entry.state)) {
        table.saveState(entry, { ...entry.state, status: "running", exitCode: 0, error: "" });
      }
      this.#follow(entry, control);
      return;
    }
    await this.#recordEnd(entry, paths);
    await rm(paths.run, { recursive: true, force: true });
    // Its exit may have been recorded by a daemon that was killed before it removed it.
    this.#parts.onExit(entry);
  }

  /** No monitor is there any more. A start that was under way has run to its end, or never began. */
  async #recordEnd(entry: Entry, paths: ContainerPaths): Promise<void> {
    const { state } = entry;
    if (isRunning(state)) return await this.#ended(entry, undefined);
    if (state.monitorPid === 0) return;
    const record = await readExitRecord(paths);
    if (record !== undefined) return await this.#ended(entry, record);
    const startedAt = state.status === "created" ? zeroTime : state.startedAt;
    this.#parts.table.saveState(entry, { ...state, ...notRunning, endpoints: {}, startedAt });
  }
}

function isBridged(entry: Entry): boolean {
  return entry.container.hostConfig.NetworkMode === "bridge";
}

/**
 * The control connection to a container that runs. One at its gate was started by a daemon that died
 * before it could open it: letting go ends its monitor, which is waited for.
 */
async function findRunning(socket: string): Promise<MonitorControl | undefined> {
  const end = performance.now() + gatePatience;
  for (;;) {
    const found = await MonitorControl.connect(socket).catch(() => undefined);
    if (found === undefined || found.running) return found?.control;
    found.control.close();
    if (performance.now() > end) return undefined;
    await sleep(20);
  }
}

/** The monitor's own record; one that found the disk full has put it into its run directory. */
async function readExitRecord(paths: ContainerPaths): Promise<ExitRecord | undefined> {
  for (const path of [paths.exitRecord, paths.spareExitRecord]) {
    try {
      return JSON.parse(await readFile(path, "utf8")) as ExitRecord;
    } catch {
      // Absent or torn.
    }
  }
  return undefined;
}

async function settlesWithin(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const timeout = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => timeout.resolve(false), Math.min(milliseconds, maxDelay));
  try {
    return await Promise.race([promise.then(() => true), timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A container that ends by itself while it is being stopped is stopped. */
function ignoreGone(error: unknown): void {
  if (error instanceof EngineError && ["unavailable", "conflict", "not_found"].includes(error.code))
    return;
  throw error;
}
