import { constants } from "node:os";
import { EngineError } from "../../errors.ts";
import type { EventBus } from "../events/bus.ts";
import { isRunning } from "./container.ts";
import { defaultStopSignal, defaultStopTimeout } from "./defaults.ts";
import { eventAttributes } from "./events.ts";
import type { Freezer } from "./freezer.ts";
import type { Restarter } from "./restarter.ts";
import { parseSignal } from "./signals.ts";
import type { ContainerTable, Entry } from "./table.ts";

export interface StopperParts {
  table: ContainerTable;
  events: EventBus;
  freezer: Freezer;
  restarter: Restarter;
  start(entry: Entry): Promise<boolean>;
  /** Told when a container that was to come back does not. */
  onExit(entry: Entry): void;
}

/** Milliseconds that SIGKILL gets before it is answered all the same. */
const killPatience = 10_000;
/** The longest delay of a timer; a longer one would fire at once. */
const maxDelay = 2 ** 31 - 1;

const { SIGKILL, SIGTERM, SIGINT, SIGQUIT } = constants.signals;

/** Ends containers: signals, stops, and the stop that a restart begins with. */
export class Stopper {
  readonly #parts: StopperParts;

  constructor(parts: StopperParts) {
    this.#parts = parts;
  }

  /** `kill`: as Docker's, SIGKILL is answered once the container has ended. */
  async kill(entry: Entry, signal: number): Promise<void> {
    // A start or a removal that is under way comes first.
    await entry.busy;
    const ends = isMeantToEnd(entry, signal);
    if (ends && this.#giveUpRestart(entry)) return;
    const { exited } = entry;
    if (ends) this.#remember(entry);
    await this.#signal(entry, signal);
    if (ends) await this.#parts.freezer.thaw(entry);
    if (signal === SIGKILL) await settlesWithin(exited.promise, killPatience);
  }

  /** SIGKILL by the engine itself: the restart policy takes it for an exit like others. */
  async killUnhealthy(entry: Entry): Promise<void> {
    await entry.busy;
    if (!isRunning(entry.state)) return;
    await this.#signal(entry, SIGKILL).catch(ignoreGone);
  }

  /** Signal, grace period, SIGKILL. False if it did not run. `seconds` < 0 waits for ever. */
  async stop(entry: Entry, signal: number, seconds: number): Promise<boolean> {
    await entry.busy;
    return await this.#stop(entry, signal, seconds);
  }

  /** Stops it if it runs, and starts it. With `--rm` it stays for the start. */
  async restart(entry: Entry, signal: number, seconds: number): Promise<void> {
    entry.holds++;
    try {
      await entry.busy;
      await this.#stop(entry, signal, seconds);
      await this.#parts.start(entry);
    } finally {
      entry.holds--;
      if (!isRunning(entry.state)) this.#parts.onExit(entry);
    }
    this.#publish(entry, "restart");
  }

  /** Ends a container at once, if it runs. For a removal, which has its turn already. */
  async end(entry: Entry): Promise<void> {
    await this.#stop(entry, SIGKILL, 0);
  }

  async #stop(entry: Entry, signal: number, seconds: number): Promise<boolean> {
    if (this.#giveUpRestart(entry)) {
      this.#publish(entry, "stop");
      return true;
    }
    if (!isRunning(entry.state)) return false;
    const { exited } = entry;
    this.#remember(entry);
    await this.#signal(entry, signal).catch(ignoreGone);
    await this.#parts.freezer.thaw(entry);
    if (seconds < 0 || (await settlesWithin(exited.promise, seconds * 1000))) {
      await exited.promise;
    } else {
      await this.#signal(entry, SIGKILL).catch(ignoreGone);
      await exited.promise;
    }
    this.#publish(entry, "stop");
    return true;
  }

  /** True if it was between two runs: now it stays ended. */
  #giveUpRestart(entry: Entry): boolean {
    if (entry.state.status !== "restarting") return false;
    this.#remember(entry);
    return this.#parts.restarter.cancel(entry);
  }

  /** Before the signal: should this daemon die now, the next one knows why the container has ended. */
  #remember(entry: Entry): void {
    if (entry.state.hasBeenManuallyStopped) return;
    this.#parts.table.saveAnyway(entry, { ...entry.state, hasBeenManuallyStopped: true });
  }

  /** A signal, and the event of it. */
  async #signal(entry: Entry, signal: number): Promise<void> {
    if (entry.monitor === undefined) throw notRunning(entry);
    // It may end while it is told.
    await entry.monitor.signal(signal).catch((error: unknown) => {
      throw error instanceof EngineError && error.code === "conflict" ? notRunning(entry) : error;
    });
    this.#publish(entry, "kill", { signal: String(signal) });
  }

  #publish(entry: Entry, action: string, more: Record<string, string> = {}): void {
    const { id } = entry.container;
    const attributes = { ...eventAttributes(entry.container), ...more };
    this.#parts.events.publish("container", action, id, attributes);
  }
}

/** With what a container is stopped unless somebody says otherwise. */
export function stopSettings({ container: { config } }: Entry): {
  signal: number;
  seconds: number;
} {
  const signal = parseSignal(config.StopSignal || defaultStopSignal);
  return { signal, seconds: config.StopTimeout ?? defaultStopTimeout };
}

/**
 * Signals by which the user means the end; after others (HUP, USR1 …) the restart policy goes on. Who has named the
 * signal that stops a container has said that others do not, as with Docker, whose `unless-stopped` heeds any kill.
 */
function isMeantToEnd(entry: Entry, signal: number): boolean {
  const { config, hostConfig } = entry.container;
  const named = config.StopSignal ? [stopSettings(entry).signal] : [];
  const isNamedOnly = named.length > 0 && hostConfig.RestartPolicy?.Name !== "unless-stopped";
  const usual = isNamedOnly ? [] : [SIGTERM, SIGINT, SIGQUIT];
  return [SIGKILL, ...named, ...usual].includes(signal);
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
function notRunning({ container }: Entry): EngineError {
  return new EngineError("conflict", `container ${container.id} is not running`);
}

function ignoreGone(error: unknown): void {
  if (error instanceof EngineError && ["unavailable", "conflict", "not_found"].includes(error.code))
    return;
  throw error;
}
