import { messageOf } from "../../errors.ts";
import type { EventBus } from "../events/bus.ts";
import { type HealthResult, nowRfc3339 } from "./container.ts";
import { eventAttributes } from "./events.ts";
import {
  findHealthCheck,
  type HealthCheck,
  maxOutput,
  nextHealth,
  probeDelay,
  timeoutText,
} from "./health-state.ts";
import type { ContainerTable, Entry } from "./table.ts";

/** A program to execute in a running container, as the container's own user. */
export interface Probe {
  argv: string[];
  timeoutMs: number;
  maxOutput: number;
}

export interface ProbeResult {
  exitCode: number;
  output: string;
  timedOut: boolean;
}

export interface HealthParts {
  table: Pick<ContainerTable, "saveAnyway">;
  events: Pick<EventBus, "publish">;
  log: { warn(message: string): void };
  run(entry: Entry, probe: Probe): Promise<ProbeResult>;
  /** Told when a container turns unhealthy. */
  onUnhealthy(entry: Entry): void;
}

/** The check of one run of a container. */
interface Watch {
  check: HealthCheck;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** The longest delay of a timer; a longer one would fire at once. */
const maxDelay = 2 ** 31 - 1;

/** Probes running containers that have a health check; nothing exists for the others. */
export class HealthChecker {
  readonly #parts: HealthParts;
  readonly #watches = new Map<Entry, Watch>();

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** Follows the state: a running container is probed, a paused or ended one is not. */
  update(entry: Entry): void {
    const { status, health } = entry.state;
    const check = health === null ? undefined : findHealthCheck(entry.container.config);
    if (status !== "running" || check === undefined) {
      this.#forget(entry);
      return;
    }
    if (this.#watches.has(entry)) return;
    const watch: Watch = { check, timer: undefined };
    this.#watches.set(entry, watch);
    this.#schedule(entry, watch);
  }

  close(): void {
    for (const entry of [...this.#watches.keys()]) this.#forget(entry);
  }

  #forget(entry: Entry): void {
    clearTimeout(this.#watches.get(entry)?.timer);
    this.#watches.delete(entry);
  }

  /** Counted from the last result, so that a daemon that was away goes on where the one before was. */
  #schedule(entry: Entry, watch: Watch): void {
    const { health, startedAt } = entry.state;
    if (health === null) return;
    const started = Date.parse(startedAt);
    const last = Date.parse(health.log.at(-1)?.end ?? "");
    const from = Number.isNaN(last) ? started : Math.max(last, started);
    const due = from + probeDelay(health, watch.check, Date.now() - started) - Date.now();
    const delay = Math.min(Math.max(due, 0), maxDelay);
    watch.timer = setTimeout(() => {
      void this.#probe(entry, watch).catch((error: unknown) => {
        const { name } = entry.container;
        this.#parts.log.warn(`check the health of container ${name}: ${messageOf(error)}`);
      });
    }, delay);
  }

  async #probe(entry: Entry, watch: Watch): Promise<void> {
    const start = nowRfc3339();
    const result = await this.#run(entry, watch.check);
    // Paused, ended or started anew meanwhile: the result says nothing about what is now.
    if (this.#watches.get(entry) !== watch) return;
    try {
      this.#apply(entry, watch.check, { start, end: nowRfc3339(), ...result });
    } finally {
      if (this.#watches.get(entry) === watch) this.#schedule(entry, watch);
    }
  }

  async #run(
    entry: Entry,
    { argv, timeout }: HealthCheck,
  ): Promise<Pick<HealthResult, "exitCode" | "output">> {
    try {
      const probe = { argv, timeoutMs: timeout, maxOutput };
      const { exitCode, output, timedOut } = await this.#parts.run(entry, probe);
      if (timedOut) return { exitCode: -1, output: timeoutText(timeout, output) };
      return { exitCode, output };
    } catch (error) {
      return { exitCode: -1, output: messageOf(error) };
    }
  }

  #apply(entry: Entry, check: HealthCheck, result: HealthResult): void {
    const { table, events, onUnhealthy } = this.#parts;
    const { health, startedAt } = entry.state;
    if (health === null) return;
    const sinceStart = Date.parse(result.start) - Date.parse(startedAt);
    const next = nextHealth(health, result, check, sinceStart);
    table.saveAnyway(entry, { ...entry.state, health: next });
    if (next.status === health.status) return;
    const { id } = entry.container;
    const attributes = eventAttributes(entry.container);
    events.publish("container", `health_status: ${next.status}`, id, attributes);
    if (next.status === "unhealthy") onUnhealthy(entry);
  }
}
