import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import type { LogReader, LogRequest, Native } from "../../native-types/native.ts";

/** What a client wants of a log; the rest follows from the container. */
export type LogSelection = Omit<LogRequest, "driver" | "path" | "raw">;

/** Milliseconds between looks at a log where the kernel has no watch to give. */
const pollEvery = 250;
/** The longest delay of a timer; a longer one would fire at once. */
const maxDelay = 2 ** 31 - 1;

/**
 * What a log holds, ready to send, and is lost no more by the container's removal. With `follow` it goes on until
 * `ended` has settled or the time of `until` has come, and the rest is read, or the signal is aborted.
 */
export async function readLog(
  native: Pick<Native, "openLog">,
  request: LogRequest,
  ended: Promise<unknown>,
  signal: AbortSignal,
): Promise<AsyncGenerator<Uint8Array>> {
  const reader = native.openLog(request);
  await reader.open();
  return readPieces(reader, request, ended, signal);
}

async function* readPieces(
  reader: LogReader,
  request: LogRequest,
  ended: Promise<unknown>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  using changes = request.follow ? new ChangeWatch(request, reader, ended, signal) : undefined;
  const read = () => {
    // Asked before reading: whatever was written before the end is then read.
    const isLast = changes === undefined || changes.isOver;
    changes?.forget();
    return { isLast, chunk: reader.next() };
  };
  let reading = read();
  try {
    while (!signal.aborted) {
      const { isLast } = reading;
      const { bytes, isOver } = await reading.chunk;
      const hasMore = bytes !== undefined && !isOver;
      // The next piece is made while this one is sent.
      if (hasMore) reading = read();
      if (bytes !== undefined) yield bytes;
      if (hasMore) continue;
      if (isOver || isLast || changes === undefined) return;
      await changes.next();
      reading = read();
    }
  } finally {
    const close = () => reader.close();
    void reading.chunk.then(close, close);
  }
}

/** Says when to look at a log again. */
class ChangeWatch implements Disposable {
  isOver = false;
  #wake = Promise.withResolvers<void>();
  readonly #watcher: FSWatcher | undefined;
  readonly #timers: Timer[] = [];
  readonly #over = (): void => {
    this.isOver = true;
    this.#wake.resolve();
  };
  readonly #signal: AbortSignal;

  constructor(
    { path, until }: LogRequest,
    reader: Pick<LogReader, "hold">,
    ended: Promise<unknown>,
    signal: AbortSignal,
  ) {
    this.#signal = signal;
    const look = (): void => {
      reader.hold();
      this.#wake.resolve();
    };
    try {
      // The directory, since files come and go in it.
      this.#watcher = watch(dirname(path), look);
      this.#watcher.on("error", () => {});
    } catch {
      this.#timers.push(setInterval(look, pollEvery));
    }
    void ended.then(this.#over, this.#over);
    signal.addEventListener("abort", this.#over, { once: true });
    if (until !== null) {
      const delay = Math.max(0, Date.parse(until) - Date.now());
      this.#timers.push(setTimeout(this.#over, Math.min(delay, maxDelay)));
    }
  }

  /** Changes up to now count no more. */
  forget(): void {
    if (!this.isOver) this.#wake = Promise.withResolvers();
  }

  next(): Promise<void> {
    return this.#wake.promise;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#signal.removeEventListener("abort", this.#over);
  }
}
