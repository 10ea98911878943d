import { ConnectionFailure, HttpFailure, isTransient } from "./failures.ts";
import { checkRedirect, type Exchange, type RequestOptions } from "./transport.ts";
import type { LocalBlob } from "./types.ts";
import {
  firstChunk,
  largestChunk,
  modestChunk,
  nextChunk,
  receivedOf,
  type SendWay,
  waysOf,
} from "./upload-steps.ts";

/** Where a registry takes the bytes of an upload. */
export interface UploadSession {
  url: URL;
  /** The registry wants no smaller chunks; 0 if it does not say. */
  leastChunk: number;
}

type Send = Pick<RequestOptions, "method" | "headers" | "body"> & { url: URL };

/** What an upload asks of the client that it belongs to. */
export interface UploadWire {
  attempts: number;
  signal: AbortSignal | undefined;
  sent(bytes: number): void;
  begin(): Promise<UploadSession>;
  /** True if the repository has the whole blob. */
  has(): Promise<boolean>;
  send(call: Send): Promise<Exchange>;
  cancel(session: UploadSession): void;
  /** Waits as failure number `n` in a row wants it. */
  backOff(error: unknown, n: number): Promise<void>;
  /** Runs an attempt again, after a pause, while its failures are transient. */
  retrying<T>(attempt: () => Promise<T>): Promise<T>;
}

/**
 * One blob on its way into a registry, in one request or in chunks that grow with the connection. A broken
 * connection is taken up where the registry says that it stands, or from the start if the registry has forgotten.
 */
export class BlobUpload {
  readonly #blob: LocalBlob;
  readonly #wire: UploadWire;
  #session: UploadSession | undefined;
  /** Bytes that the registry has. */
  #offset = 0;
  /** The most it ever had: below that nothing counts as progress. */
  #best = 0;
  #failures = 0;
  /** Another connection wrote a part of what the registry has: if the digest is wrong, that may be why. */
  #resumed = false;

  constructor(blob: LocalBlob, wire: UploadWire) {
    this.#blob = blob;
    this.#wire = wire;
  }

  async run(): Promise<void> {
    try {
      this.#session = await this.#wire.begin();
      const isSecure = this.#session.url.protocol === "https:";
      const ways = waysOf(this.#blob.descriptor.size, isSecure);
      for (const [at, way] of ways.entries()) {
        try {
          // A body that was refused may have been too large.
          await this.#runAs(way, at === 0 ? largestChunk : modestChunk);
          return;
        } catch (error) {
          const isLast = at === ways.length - 1;
          if (isLast || !isRefusedWay(error) || this.#best > 0) throw error;
          this.#abandon();
        }
      }
    } catch (error) {
      this.#abandon();
      throw error;
    }
  }

  async #runAs(way: SendWay, largest: number): Promise<void> {
    for (;;) {
      try {
        this.#session ??= await this.#wire.begin();
        if (way === "chunks" || this.#offset > 0) await this.#sendChunks(this.#session, largest);
        await this.#finish();
        return;
      } catch (error) {
        this.#wire.signal?.throwIfAborted();
        if (this.#session === undefined || (await this.#recover(error))) throw error;
        if (await this.#isThere()) return;
      }
    }
  }

  /** Sends all that is left, a chunk for each request. */
  async #sendChunks({ leastChunk }: UploadSession, largest: number): Promise<void> {
    const { size } = this.#blob.descriptor;
    let length = Math.max(firstChunk, leastChunk);
    while (this.#offset < size) {
      const from = performance.now();
      await this.#sendChunk(Math.min(size, this.#offset + length));
      length = Math.max(leastChunk, nextChunk(length, performance.now() - from, largest));
    }
  }

  async #sendChunk(end: number): Promise<void> {
    const start = this.#offset;
    using exchange = await this.#wire.send({
      method: "PATCH",
      url: this.#url(),
      headers: { "content-type": octets, "content-range": `${start}-${end - 1}` },
      body: { path: this.#blob.path, start, end, sent: (bytes) => this.#wire.sent(start + bytes) },
    });
    if (exchange.status === 409) throw busy();
    if (exchange.status !== 202) throw await exchange.failure();
    await this.#follow(exchange);
    const stand = end === 1 ? end : (receivedOf(exchange.header("range")) ?? end);
    // Counted as a failure: whoever never takes anything would be sent the same for ever.
    if (stand <= start || stand > end) {
      throw new ConnectionFailure("truncated", "the registry has not taken what it was sent");
    }
    this.#advance(stand);
  }

  /** Names the digest, with all of the blob if nothing of it was sent yet. */
  async #finish(): Promise<void> {
    const { digest, size } = this.#blob.descriptor;
    const url = new URL(this.#url());
    // Appended as text: what is there may be signed as it stands.
    url.search += `${url.search === "" ? "?" : "&"}digest=${encodeURIComponent(digest)}`;
    const isWhole = this.#offset < size;
    const sent = (bytes: number): void => this.#wire.sent(bytes);
    const body = { path: this.#blob.path, start: 0, end: size, sent };
    using exchange = await this.#wire.send({
      method: "PUT",
      url,
      headers: isWhole ? { "content-type": octets } : { "content-length": "0" },
      ...(isWhole ? { body } : {}),
    });
    if (exchange.status === 409) throw busy();
    if (exchange.status !== 201 && exchange.status !== 204) throw await exchange.failure();
    this.#wire.sent(size);
  }

  /** Puts itself where the registry stands. True if that is of no use. */
  async #recover(error: unknown): Promise<boolean> {
    const isLost = this.#isLost(error);
    if (!isLost && !isTransient(error)) return true;
    if (++this.#failures >= this.#wire.attempts) return true;
    const stand = isLost ? undefined : await this.#askAfter(error);
    if (stand === undefined) {
      this.#abandon();
      return false;
    }
    this.#resumed ||= stand > 0;
    this.#advance(stand);
    return false;
  }

  /** The registry has dropped the upload, or has bytes in it that do not belong there. */
  #isLost(error: unknown): boolean {
    if (!(error instanceof HttpFailure)) return false;
    const { status, code } = error;
    if (code === "BLOB_UPLOAD_UNKNOWN" || code === "RANGE_INVALID") return true;
    if (this.#resumed && [400, 405, 501].includes(status)) return true;
    return this.#best > 0 && (status === 404 || status === 416);
  }

  /** Waits as the failure wants it, and asks how far the upload has come; undefined if it is gone. */
  async #askAfter(error: unknown): Promise<number | undefined> {
    await this.#wire.backOff(error, this.#failures);
    return await this.#wire.retrying(async () => {
      using exchange = await this.#wire.send({ method: "GET", url: this.#url() });
      if (exchange.status >= 400) {
        const failure = await exchange.failure();
        if (isTransient(failure)) throw failure;
        return undefined;
      }
      await this.#follow(exchange);
      const stand = receivedOf(exchange.header("range"));
      return stand === undefined || stand > this.#blob.descriptor.size ? undefined : stand;
    });
  }

  /** An answer that was lost may have said that all is well. */
  async #isThere(): Promise<boolean> {
    if (!(await this.#wire.has())) return false;
    this.#wire.sent(this.#blob.descriptor.size);
    return true;
  }

  #advance(offset: number): void {
    this.#offset = offset;
    if (offset > this.#best) {
      this.#best = offset;
      this.#failures = 0;
    }
    this.#wire.sent(offset);
  }

  async #follow(exchange: Exchange): Promise<void> {
    const location = exchange.header("location");
    const { url } = exchange;
    await exchange.settle();
    if (location === null || this.#session === undefined) return;
    this.#session = { ...this.#session, url: checkRedirect(url, location, url) };
  }

  #abandon(): void {
    if (this.#session !== undefined) this.#wire.cancel(this.#session);
    this.#session = undefined;
    this.#offset = 0;
    this.#resumed = false;
  }

  #url(): URL {
    if (this.#session === undefined) throw new Error("no upload has begun");
    return this.#session.url;
  }
}

const octets = "application/octet-stream";

function busy(): ConnectionFailure {
  return new ConnectionFailure("busy", "the registry is still at work on the upload");
}

/** True if the registry may take the blob in another manner of sending it. */
function isRefusedWay(error: unknown): boolean {
  if (!(error instanceof HttpFailure)) return false;
  if (["DIGEST_INVALID", "NAME_INVALID", "NAME_UNKNOWN"].includes(error.code)) return false;
  return [400, 404, 405, 411, 413, 415, 416, 501].includes(error.status);
}
