import type { EventMessage } from "../../api/types.ts";

/** How many past events are kept for `--since`, as in Docker. */
const kept = 256;

export type EventType = "container" | "image" | "network" | "volume";

type Listener = (event: EventMessage) => void;

/** Publishes what happens in the engine, in order, to whoever listens. */
export class EventBus {
  readonly #past: EventMessage[] = [];
  readonly #listeners = new Set<Listener>();

  publish(type: EventType, action: string, id: string, attributes: Record<string, string>): void {
    const timeNano = nowNano();
    const event: EventMessage & Record<string, unknown> = {
      Type: type,
      Action: action,
      Actor: { ID: id, Attributes: attributes },
      scope: "local",
      time: Math.floor(timeNano / 1e9),
      timeNano,
      // What clients of API 1.24 and earlier read, still sent by Docker.
      ...(type === "container" ? { status: action, id, from: attributes.image ?? "" } : {}),
      ...(type === "image" ? { status: action, id } : {}),
    };
    this.#past.push(event);
    if (this.#past.length > kept) this.#past.shift();
    for (const listener of this.#listeners) listener(event);
  }

  past(): readonly EventMessage[] {
    return this.#past;
  }

  /** Calls `listener` for each further event until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

/** Nanoseconds since 1970, of microsecond resolution (a double holds no more). */
function nowNano(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1e3) * 1e3;
}
