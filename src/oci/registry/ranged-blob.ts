import { EngineError } from "../../errors.ts";
import { ConnectionFailure, isTransient } from "./failures.ts";
import type { Exchange } from "./transport.ts";

/** Bytes of one request. What is ahead of the reader lies in memory: so much for each connection but the first. */
export const segmentSize = 4 * 1024 * 1024;

/** A connection that brought so little does not get another at once. */
const worthAnother = 64 * 1024;

/** Bytes in order, from wherever they come. */
export interface BlobSource {
  /** The next bytes, undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  close(): void;
}

export interface RangedOptions {
  /** The blob from `begin` to `end`; `first` is the answer for its first segment. */
  begin: number;
  end: number;
  first: Exchange;
  /** Connections at once. */
  width: number;
  /** The answer to a request for the bytes from `from` up to `to`, which is for these very bytes. */
  open(from: number, to: number): Promise<Exchange>;
}

/**
 * A blob over several connections at once, each for a segment of it; what is read is in order all the same.
 * A segment that breaks off is taken up again as long as it gets on; else reading fails where it is.
 */
export class RangedBlob implements BlobSource {
  readonly #options: RangedOptions;
  readonly #segments: Segment[] = [];
  #first: Exchange | undefined;
  #next: number;

  constructor(options: RangedOptions) {
    this.#options = options;
    this.#first = options.first;
    this.#next = options.begin;
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      this.#fill();
      const [head] = this.#segments;
      if (head === undefined) return undefined;
      const chunk = await head.next();
      if (chunk !== undefined) return chunk;
      this.#segments.shift();
    }
  }

  close(): void {
    for (const segment of this.#segments) segment.close();
    this.#first?.close();
  }

  #fill(): void {
    const { width, end, open } = this.#options;
    while (this.#segments.length < width && this.#next < end) {
      const to = segmentEnd(this.#next, end);
      this.#segments.push(new Segment(this.#next, to, open, this.#first));
      this.#first = undefined;
      this.#next = to;
    }
  }
}

export function segmentEnd(from: number, end: number): number {
  return Math.min(from + segmentSize, end);
}

/** Reads ahead by itself, into memory. */
class Segment {
  readonly #to: number;
  readonly #open: RangedOptions["open"];
  readonly #chunks: Uint8Array[] = [];
  #position: number;
  #exchange: Exchange | undefined;
  #outcome: { error: unknown } | "whole" | undefined;
  #changed = Promise.withResolvers<void>();
  #closed = false;

  constructor(from: number, to: number, open: RangedOptions["open"], first: Exchange | undefined) {
    this.#position = from;
    this.#to = to;
    this.#open = open;
    this.#exchange = first;
    this.#fetch().then(
      () => this.#settle("whole"),
      (error: unknown) => this.#settle({ error }),
    );
  }

  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return chunk;
      if (this.#outcome === "whole") return undefined;
      if (this.#outcome !== undefined) throw this.#outcome.error;
      this.#changed = Promise.withResolvers();
      await this.#changed.promise;
    }
  }

  close(): void {
    this.#closed = true;
    this.#exchange?.close();
  }

  async #fetch(): Promise<void> {
    for (let begin = this.#position; ; begin = this.#position) {
      try {
        this.#exchange ??= await this.#open(this.#position, this.#to);
        if (this.#closed) this.#exchange.close();
        await this.#readAll(this.#exchange);
        return;
      } catch (error) {
        this.#exchange?.close();
        this.#exchange = undefined;
        if (this.#closed || this.#position - begin < worthAnother || !isTransient(error))
          throw error;
      }
    }
  }

  async #readAll(exchange: Exchange): Promise<void> {
    for (;;) {
      const chunk = await exchange.read();
      if (chunk === undefined) break;
      this.#position += chunk.byteLength;
      if (this.#position > this.#to)
        throw new EngineError(
          "invalid_argument",
          `registry ${exchange.url.host} sends more than the range that was asked for`,
        );
      this.#chunks.push(chunk);
      this.#changed.resolve();
    }
    exchange.close();
    if (this.#position < this.#to)
      throw new ConnectionFailure("truncated", "connection closed before the answer was complete");
  }

  #settle(outcome: { error: unknown } | "whole"): void {
    this.#outcome = outcome;
    this.#changed.resolve();
  }
}
