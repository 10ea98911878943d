import type { Database } from "bun:sqlite";
import type { EventMessage } from "../../api/types.ts";

/** How many past events are kept, and how many more there may be before the oldest are taken away. */
const kept = 10_000;
const slack = 1_000;

export interface StoredEvent {
  sequence: number;
  event: EventMessage;
}

interface Row {
  sequence: number;
  event: string;
}

/** Past events in the order they were published, with their times in microseconds since 1970. */
export class EventStore {
  readonly #insert;
  readonly #page;
  readonly #trim;
  #sequence: number;
  #untrimmed = 0;
  /** Time of the newest event. */
  readonly lastMicros: number;

  constructor(database: Database) {
    this.#insert = database.query<null, [number, number, string]>(
      "INSERT INTO events (sequence, micros, event) VALUES (?, ?, ?)",
    );
    this.#page = database.query<Row, [number, number, number, number]>(
      "SELECT sequence, event FROM events WHERE sequence > ? AND sequence <= ? AND micros >= ? ORDER BY sequence LIMIT ?",
    );
    this.#trim = database.query<null, [number]>("DELETE FROM events WHERE sequence <= ?");
    const last = database
      .query<{ sequence: number; micros: number }, []>(
        "SELECT sequence, micros FROM events ORDER BY sequence DESC LIMIT 1",
      )
      .get();
    this.#sequence = last?.sequence ?? 0;
    this.lastMicros = last?.micros ?? 0;
  }

  /** Sequence number of the newest event. */
  get last(): number {
    return this.#sequence;
  }

  append(micros: number, event: EventMessage): void {
    this.#insert.run(this.#sequence + 1, micros, JSON.stringify(event));
    this.#sequence++;
    this.#untrimmed++;
    if (this.#untrimmed < slack) return;
    this.#trim.run(this.#sequence - kept);
    this.#untrimmed = 0;
  }

  /** Up to `limit` events behind `after` and not behind `last`, at or behind a time. */
  page(after: number, last: number, micros: number, limit: number): StoredEvent[] {
    return this.#page
      .all(after, last, micros, limit)
      .map(({ sequence, event }) => ({ sequence, event: JSON.parse(event) as EventMessage }));
  }
}
