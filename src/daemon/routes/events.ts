import type { EventMessage } from "../../api/types.ts";
import type { EventBus } from "../events/bus.ts";
import { eventFilters, matchesEvent } from "../events/filter.ts";
import type { RequestContext } from "../http/context.ts";
import { parseTimestamp } from "../http/timestamp.ts";
import { eventsType, toRecord } from "./events-type.ts";

/** Events that a client may leave unread before its stream is ended. */
const maxQueued = 10_000;

/** The longest delay of a timer; a longer one would fire at once. */
const maxDelay = 2 ** 31 - 1;

/** Past events since `since`, then, unless `until` has passed, what happens until then. */
export async function streamEvents(context: RequestContext, bus: EventBus): Promise<void> {
  const { query, signal } = context;
  const filters = query.filters(eventFilters);
  const since = parseTimestamp(query.text("since"));
  const until = parseTimestamp(query.text("until"));
  const untilMicros = until === undefined ? Number.POSITIVE_INFINITY : toMicros(until, Math.round);
  const type = eventsType(context.headers.accept ?? "", context.version);
  const reply = context.stream(200, type);
  const past = since === undefined ? [] : bus.past(toMicros(since, Math.floor));
  using queue = new Queue(bus, signal, untilMicros);
  for (const events of [past, queue]) {
    for await (const event of events) {
      if (signal.aborted) break;
      if (microsOf(event) > untilMicros || !matchesEvent(event, filters)) continue;
      await reply.write(toRecord(event, type));
    }
  }
  reply.end();
}

/** What happens from now on, until the client is gone, reads nothing any more, or the time is up. */
class Queue implements Disposable, AsyncIterable<EventMessage> {
  readonly #events: EventMessage[] = [];
  readonly #leave: () => void;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  #wake = Promise.withResolvers<void>();
  #isOver = false;

  constructor(bus: EventBus, signal: AbortSignal, untilMicros: number) {
    this.#leave = bus.subscribe((event) => {
      // Who reads nothing is let go, rather than remembered for.
      if (this.#events.length >= maxQueued) this.#isOver = true;
      else this.#events.push(event);
      this.#wake.resolve();
    });
    signal.addEventListener("abort", () => this.#finish(), { once: true });
    if (signal.aborted) this.#finish();
    const remaining = Math.max(untilMicros / 1000 - Date.now(), 0);
    if (remaining < maxDelay) this.#timer = setTimeout(() => this.#finish(), remaining);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<EventMessage> {
    for (;;) {
      yield* this.#events.splice(0);
      if (this.#isOver) return;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }

  [Symbol.dispose](): void {
    this.#leave();
    clearTimeout(this.#timer);
  }

  #finish(): void {
    this.#isOver = true;
    this.#wake.resolve();
  }
}

function microsOf(event: EventMessage): number {
  return Math.round((event.timeNano ?? 0) / 1e3);
}

/** An RFC 3339 time in UTC with nine digits, as parseTimestamp gives it, in microseconds since 1970. */
function toMicros(time: string, round: (micros: number) => number): number {
  const seconds = Date.parse(`${time.slice(0, 19)}Z`) / 1000;
  return seconds * 1e6 + round(Number(time.slice(20, 29)) / 1e3);
}
