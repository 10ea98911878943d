import type { EngineError } from "../../errors.ts";
import { isRange, refuseEncoding, refuseOtherLength } from "./blob-answer.ts";
import type { OpenBlob } from "./blob-stream.ts";
import { ConnectionFailure, isTransient } from "./failures.ts";
import { RangedBlob, segmentEnd, segmentSize } from "./ranged-blob.ts";
import type { Concerned, Exchange, Transport } from "./transport.ts";

/** A connection that brought so many bytes before it broke is followed by the next one without a pause. */
const goodStretch = 1024 * 1024;

/** One blob at one endpoint. */
export interface BlobTarget extends Concerned {
  size: number;
  /** "layer sha256:… of app", for messages. */
  what: string;
  /** Asks for it, or for a range of it. Any status is returned. */
  send(range: string | undefined): Promise<Exchange>;
  /** Puts a failure into the user's words. */
  translate(error: unknown): EngineError;
}

export interface BlobOpenerOptions {
  transport: Transport;
  /** Failures in a row without a byte between them. */
  attempts: number;
  /** Connections at once for one large blob. */
  width: number;
}

/** Opens blobs, anew where a connection broke, and in ranges at once where that is wanted and the registry can. */
export class BlobOpener {
  readonly #options: BlobOpenerOptions;

  constructor(options: BlobOpenerOptions) {
    this.#options = options;
  }

  /** One attempt to open a blob at `offset`; from the start where the registry cannot. */
  async open(target: BlobTarget, offset: number, ranged = true): Promise<OpenBlob> {
    const { width } = this.#options;
    if (ranged && width > 1 && target.size - offset > 2 * segmentSize) {
      return await this.#openRanged(target, offset);
    }
    return await openPlain(target, offset);
  }

  /**
   * For a stream that began at `begin`: opens it again after a failure, with pauses; gives up after too many of
   * them in a row without a byte between them.
   */
  createReopen(target: BlobTarget, begin: number, ranges: boolean) {
    const { attempts, transport } = this.#options;
    let last = begin;
    let failures = 0;
    return async (offset: number, broken: unknown): Promise<OpenBlob> => {
      const gained = offset - last;
      if (gained > 0) failures = 0;
      last = offset;
      let error = broken;
      for (;;) {
        target.signal?.throwIfAborted();
        failures += 1;
        if (!isTransient(error) || failures >= attempts) throw target.translate(error);
        if (failures > 1 || gained < goodStretch) await transport.backOff(target, error, failures);
        try {
          // One connection is the safer way after a failure.
          return await this.open(target, ranges ? offset : 0, false);
        } catch (cause) {
          error = cause;
        }
      }
    };
  }

  async #openRanged(target: BlobTarget, begin: number): Promise<OpenBlob> {
    const { size } = target;
    const first = await target.send(toHeader(begin, segmentEnd(begin, size)));
    if (first.status === 200) return acceptWhole(first, target);
    if (first.status !== 206 && first.status !== 416) throw await first.failure();
    if (!isRange(first, begin, segmentEnd(begin, size), size)) {
      first.close();
      return await openPlain(target, begin);
    }
    refuseEncoding(first, target);
    const open = async (from: number, to: number): Promise<Exchange> => {
      const exchange = await target.send(toHeader(from, to));
      if (isRange(exchange, from, to, size)) return exchange;
      exchange.close();
      throw new ConnectionFailure("truncated", "the registry answers with another range");
    };
    const { width } = this.#options;
    const exchange = new RangedBlob({ begin, end: size, first, width, open });
    return { exchange, offset: begin, joined: true };
  }
}

async function openPlain(target: BlobTarget, offset: number): Promise<OpenBlob> {
  const exchange = await target.send(offset > 0 ? `bytes=${offset}-` : undefined);
  if (offset > 0 && (exchange.status === 206 || exchange.status === 416)) {
    if (isRange(exchange, offset, target.size, target.size)) {
      refuseEncoding(exchange, target);
      return { exchange, offset };
    }
    exchange.close();
    return await openPlain(target, 0);
  }
  if (exchange.status !== 200) throw await exchange.failure();
  return acceptWhole(exchange, target);
}

function acceptWhole(exchange: Exchange, target: BlobTarget): OpenBlob {
  refuseEncoding(exchange, target);
  refuseOtherLength(exchange, target);
  return { exchange, offset: 0 };
}

function toHeader(from: number, to: number): string {
  return `bytes=${from}-${to - 1}`;
}
