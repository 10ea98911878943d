import { watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { buildFrame, stream } from "../../api/frames.ts";

export interface LogOptions {
  stdout: boolean;
  stderr: boolean;
  follow: boolean;
  timestamps: boolean;
  /** Number of last lines, undefined for all. */
  tail: number | undefined;
  /** RFC 3339 bounds in UTC with nanoseconds, undefined for none. */
  since: string | undefined;
  until: string | undefined;
  /** Raw text instead of stream frames. */
  tty: boolean;
}

interface LogLine {
  log: string;
  stream: "stdout" | "stderr";
  time: string;
}

const chunkBytes = 64 * 1024;

/**
 * The lines of a json-file log, ready to send. With `follow` it goes on until `ended` has settled and the
 * rest is read, or the signal is aborted.
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  ended: Promise<unknown>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  // A container that never ran has no log; one that runs has had it since before its start.
  const reader = await open(path, "r").catch(() => undefined);
  if (reader === undefined) return;
  try {
    const start = options.tail === undefined ? 0 : await findTail(reader, options);
    for await (const line of lines(reader, path, start, options.follow, ended, signal)) {
      if (options.until !== undefined && line.time > options.until) return;
      if (selects(options, line)) yield format(line, options);
    }
  } finally {
    await reader.close();
  }
}

function selects(options: LogOptions, line: LogLine): boolean {
  return options[line.stream] && (options.since === undefined || line.time >= options.since);
}

function format(line: LogLine, options: LogOptions): Uint8Array {
  const text = options.timestamps ? `${line.time} ${line.log}` : line.log;
  const bytes = new TextEncoder().encode(text);
  return options.tty ? bytes : buildFrame(stream[line.stream], bytes);
}

/** Byte offset of the first of the last `tail` lines of the chosen streams, read from the end. */
async function findTail(file: FileHandle, options: LogOptions): Promise<number> {
  const { size } = await file.stat();
  let wanted = options.tail ?? 0;
  if (wanted === 0) return size;
  let pending = new Uint8Array(0);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunkBytes);
    const block = new Uint8Array(end - start + pending.length);
    await file.read(block, 0, end - start, start);
    block.set(pending, end - start);
    let last = block.length;
    for (let at = block.length - 2; at >= -1; at--) {
      const isStart = at === -1 ? start === 0 : block[at] === 10;
      if (!isStart) continue;
      const line = parse(block.subarray(at + 1, last));
      last = at + 1;
      if (line === undefined || !options[line.stream]) continue;
      wanted--;
      if (wanted === 0) return start + at + 1;
    }
    pending = block.subarray(0, last);
    end = start;
  }
  return 0;
}

async function* lines(
  file: FileHandle,
  path: string,
  start: number,
  follow: boolean,
  ended: Promise<unknown>,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  using changes = follow ? new ChangeWatch(path, ended, signal) : undefined;
  const buffer = new Uint8Array(chunkBytes);
  let pending = Buffer.alloc(0);
  let position = start;
  for (;;) {
    // Asked before reading: whatever was written before the end is then read below.
    const isLast = changes === undefined || changes.isOver;
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) {
      if (isLast || signal.aborted) return;
      await changes.next();
      continue;
    }
    position += bytesRead;
    pending = Buffer.concat([pending, buffer.subarray(0, bytesRead)]);
    let at = 0;
    for (let end = pending.indexOf(10, at); end >= 0; end = pending.indexOf(10, at)) {
      const line = parse(pending.subarray(at, end));
      at = end + 1;
      if (line) yield line;
    }
    pending = pending.subarray(at);
  }
}

/** A torn or foreign line is passed over. */
function parse(bytes: Uint8Array): LogLine | undefined {
  try {
    const line = JSON.parse(new TextDecoder().decode(bytes)) as LogLine;
    return line.stream === "stdout" || line.stream === "stderr" ? line : undefined;
  } catch {
    return undefined;
  }
}

/** Says when to look at a file again. */
class ChangeWatch implements Disposable {
  isOver = false;
  #wake = Promise.withResolvers<void>();
  readonly #watcher: ReturnType<typeof watch>;

  constructor(path: string, ended: Promise<unknown>, signal: AbortSignal) {
    this.#watcher = watch(path, () => this.#wake.resolve());
    const over = (): void => {
      this.isOver = true;
      this.#wake.resolve();
    };
    void ended.then(over, over);
    signal.addEventListener("abort", over, { once: true });
  }

  async next(): Promise<void> {
    await this.#wake.promise;
    this.#wake = Promise.withResolvers();
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
  }
}
