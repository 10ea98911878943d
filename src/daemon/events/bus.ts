import type { EventMessage } from "../../api/types.ts";

export type EventType = "container" | "image" | "network" | "volume";

type Listener = (event: EventMessage) => void;

/** Where events are kept beyond the life of the daemon. */
export interface EventLog {
  /** Of the newest event. */
  readonly last: number;
  readonly lastMicros: number;
  append(micros: number, event: EventMessage): void;
  page(
    after: number,
    last: number,
    micros: number,
    limit: number,
  ): { sequence: number; event: EventMessage }[];
}

/** Past events that are read from the log at once. */
const pageSize = 500;

/** Publishes what happens in the engine, in order, to whoever listens, and keeps it. */
export class EventBus {
  readonly #log: EventLog;
  readonly #warn: (error: unknown) => void;
  readonly #listeners = new Set<Listener>();
  #lastMicros: number;

  /** `warn` hears of an event that could not be kept: on a full disk it is published all the same. */
  constructor(log: EventLog, warn: (error: unknown) => void) {
    this.#log = log;
    this.#warn = warn;
    this.#lastMicros = log.lastMicros;
  }

  publish(type: EventType, action: string, id: string, attributes: Record<string, string>): void {
    const micros = this.#nextMicros();
    const event: EventMessage & Record<string, unknown> = {
      Type: type,
      Action: action,
      Actor: { ID: id, Attributes: attributes },
      scope: "local",
      time: Math.floor(micros / 1e6),
      timeNano: micros * 1e3,
      // What clients of API 1.24 and earlier read, still sent by Docker.
      ...(type === "container" ? { status: action, id, from: attributes.image ?? "" } : {}),
      ...(type === "image" ? { status: action, id } : {}),
    };
    try {
      this.#log.append(micros, event);
    } catch (error) {
      this.#warn(error);
    }
    for (const listener of this.#listeners) listener(event);
  }

  /** What was published at or behind a time, up to now: read page by page, as it is asked for. */
  past(sinceMicros: number): Iterable<EventMessage> {
    return readPast(this.#log, this.#log.last, sinceMicros);
  }

  /** Calls `listener` for each further event until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** No two events share a time, and none is before its predecessor, whatever the clock does. */
  #nextMicros(): number {
    const now = Math.round((performance.timeOrigin + performance.now()) * 1e3);
    this.#lastMicros = Math.max(now, this.#lastMicros + 1);
    return this.#lastMicros;
  }
}

function* readPast(log: EventLog, last: number, micros: number): Iterable<EventMessage> {
  let at = 0;
  for (;;) {
    const page = log.page(at, last, micros, pageSize);
    for (const { sequence, event } of page) {
      at = sequence;
      yield event;
    }
    if (page.length < pageSize) return;
  }
}
