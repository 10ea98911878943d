import type { CgroupRef, Native } from "../../../native-types/native.ts";
import { isRunning, nowRfc3339 } from "../container.ts";
import type { Entry } from "../table.ts";
import type { Reading } from "./view.ts";

const interval = 1000;

export interface CollectorParts {
  native: Pick<Native, "readStats">;
  cgroup(entry: Entry): CgroupRef;
  /** False once it is removed. */
  exists(entry: Entry): boolean;
}

/** What a stream is told each second: nothing to read while the container does not run. */
export interface Report {
  now: Reading | undefined;
  before: Reading | undefined;
}

interface Listener {
  hear(report: Report): void;
  end(): void;
}

/** Reads what containers use, once a second for all streams of one container, and only while there are any. */
export class StatsCollector {
  readonly #parts: CollectorParts;
  readonly #collections = new Map<Entry, Collection>();

  constructor(parts: CollectorParts) {
    this.#parts = parts;
  }

  /** How many containers are read now. */
  get size(): number {
    return this.#collections.size;
  }

  async read(entry: Entry): Promise<Reading | undefined> {
    if (!isRunning(entry.state)) return undefined;
    const { pid } = entry.state;
    const { native, cgroup } = this.#parts;
    const networks = entry.container.hostConfig.NetworkMode === "host" ? { networks: {} } : {};
    const sample = await native.readStats({ ...cgroup(entry), pid });
    return { read: nowRfc3339(), sample: { ...sample, ...networks } };
  }

  /** A report each second, until the signal is aborted or the container is removed; the first at once. */
  async *follow(entry: Entry, signal: AbortSignal): AsyncGenerator<Report> {
    // Who reads slowly gets the newest report only.
    let latest: Report | undefined;
    let isOver = signal.aborted;
    let wake = Promise.withResolvers<void>();
    const listener: Listener = {
      hear(report) {
        latest = report;
        wake.resolve();
      },
      end() {
        isOver = true;
        wake.resolve();
      },
    };
    signal.addEventListener("abort", listener.end, { once: true });
    const leave = this.#join(entry, listener);
    try {
      while (!isOver) {
        if (latest === undefined) {
          await wake.promise;
          wake = Promise.withResolvers();
          continue;
        }
        const report = latest;
        latest = undefined;
        yield report;
      }
    } finally {
      leave();
      signal.removeEventListener("abort", listener.end);
    }
  }

  #join(entry: Entry, listener: Listener): () => void {
    let collection = this.#collections.get(entry);
    if (collection === undefined) {
      collection = new Collection(
        () => this.read(entry),
        () => this.#parts.exists(entry),
      );
      this.#collections.set(entry, collection);
    }
    const { listeners } = collection;
    listeners.add(listener);
    collection.start(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      collection.stop();
      this.#collections.delete(entry);
    };
  }
}

class Collection {
  readonly listeners = new Set<Listener>();
  readonly #read: () => Promise<Reading | undefined>;
  readonly #exists: () => boolean;
  #timer: Timer | undefined;
  #isReading = false;
  #report: Report | undefined;

  constructor(read: () => Promise<Reading | undefined>, exists: () => boolean) {
    this.#read = read;
    this.#exists = exists;
  }

  /** A listener that comes later hears the last report at once. */
  start(listener: Listener): void {
    if (this.#report !== undefined) listener.hear(this.#report);
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => void this.#tick(), interval);
    void this.#tick();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #tick(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      if (!this.#exists()) {
        for (const listener of this.listeners) listener.end();
        return;
      }
      const now = await this.#read();
      this.#report = { now, before: now && this.#report?.now };
      for (const listener of this.listeners) listener.hear(this.#report);
    } catch {
      // It has ended while it was read; the next look tells.
    } finally {
      this.#isReading = false;
    }
  }
}
