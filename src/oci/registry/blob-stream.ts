import { EngineError } from "../../errors.ts";
import type { Descriptor } from "../descriptor.ts";
import { Digester, parseDigest } from "../digest.ts";
import { ConnectionFailure } from "./failures.ts";
import type { BlobSource } from "./ranged-blob.ts";

/** A connection, or several, that delivers a blob from `offset` on. */
export interface OpenBlob {
  exchange: BlobSource;
  offset: number;
  /** It is put together from several answers. */
  joined?: boolean;
}

export interface BlobStreamOptions {
  descriptor: Descriptor;
  /** Compute the digest too, which only a stream from offset 0 can. */
  verify: boolean;
  /** Opens the blob again after a break; it may start earlier than asked. Throws when it is no use. */
  reopen: (offset: number, error: unknown) => Promise<OpenBlob>;
}

/**
 * The bytes of a blob, over as many connections as it takes. Fails with invalid_argument at the first byte
 * beyond the size, or at the end if the digest is wrong. Cancel closes the connection at once.
 */
export function createBlobStream(
  first: OpenBlob,
  options: BlobStreamOptions,
): ReadableStream<Uint8Array> {
  const reader = new BlobReader(first, options);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await reader.read();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: () => reader.close(),
    },
    { highWaterMark: 0 },
  );
}

class BlobReader {
  readonly #options: BlobStreamOptions;
  readonly #digester: Digester | undefined;
  #exchange: BlobSource;
  /** Bytes handed out, counted from the start of the blob. */
  #position: number;
  /** Bytes still to be thrown away, when a registry began again from the start. */
  #skip = 0;
  #closed = false;

  constructor(first: OpenBlob, options: BlobStreamOptions) {
    this.#options = options;
    this.#exchange = first.exchange;
    this.#position = first.offset;
    if (options.verify && first.offset === 0) {
      this.#digester = new Digester(parseDigest(options.descriptor.digest).algorithm);
    }
  }

  async read(): Promise<Uint8Array | undefined> {
    const { descriptor } = this.#options;
    try {
      for (;;) {
        const chunk = this.#drop(await this.#next());
        if (chunk?.byteLength === 0) continue;
        if (chunk === undefined) {
          this.#finish();
          return undefined;
        }
        this.#position += chunk.byteLength;
        if (this.#position > descriptor.size) {
          throw new EngineError(
            "invalid_argument",
            `content ${descriptor.digest} is larger than the declared ${descriptor.size} bytes`,
          );
        }
        this.#digester?.update(chunk);
        return chunk;
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    this.#exchange.close();
  }

  /** The next chunk, opening a new connection where one breaks. */
  async #next(): Promise<Uint8Array | undefined> {
    const { descriptor, reopen } = this.#options;
    for (;;) {
      try {
        const chunk = await this.#exchange.read();
        if (chunk === undefined && this.#position < descriptor.size) {
          throw new ConnectionFailure(
            "truncated",
            "connection closed before the answer was complete",
          );
        }
        return chunk;
      } catch (error) {
        this.#exchange.close();
        if (this.#closed) throw error;
        const opened = await reopen(this.#position, error);
        this.#exchange = opened.exchange;
        this.#skip = this.#position - opened.offset;
        if (this.#closed) this.#exchange.close();
      }
    }
  }

  #drop(chunk: Uint8Array | undefined): Uint8Array | undefined {
    if (chunk === undefined || this.#skip === 0) return chunk;
    const dropped = Math.min(this.#skip, chunk.byteLength);
    this.#skip -= dropped;
    return chunk.subarray(dropped);
  }

  #finish(): void {
    this.#exchange.close();
    const { digest } = this.#options.descriptor;
    const actual = this.#digester?.digest();
    if (actual !== undefined && actual !== digest) {
      throw new EngineError(
        "invalid_argument",
        `content has the wrong digest: expected ${digest}, got ${actual}`,
      );
    }
  }
}
