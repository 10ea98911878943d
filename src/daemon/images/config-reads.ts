import type { Digest } from "../../oci/digest.ts";

interface Read {
  users: number;
  stop: AbortController;
  bytes: Promise<Uint8Array>;
}

export interface TakenConfig extends Disposable {
  raw: Uint8Array;
}

/**
 * The config documents of images that are being pulled: each is read once, however many pull, and kept until
 * the last of them has ended, since it is not stored before its image's layers are there.
 */
export class ConfigReads {
  readonly #reads = new Map<Digest, Read>();

  /** Gives the document until it is disposed of. A failed read of another's is tried again. */
  async take(
    digest: Digest,
    { signal }: { signal: AbortSignal },
    read: (signal: AbortSignal) => Promise<Uint8Array>,
  ): Promise<TakenConfig> {
    for (;;) {
      signal.throwIfAborted();
      const found = this.#reads.get(digest);
      const mine = found ?? this.#start(digest, read);
      mine.users += 1;
      try {
        const raw = await unlessAborted(mine.bytes, signal);
        return { raw, [Symbol.dispose]: () => this.#leave(digest, mine) };
      } catch (error) {
        this.#leave(digest, mine);
        if (found === undefined || signal.aborted) throw error;
      }
    }
  }

  #start(digest: Digest, read: (signal: AbortSignal) => Promise<Uint8Array>): Read {
    const stop = new AbortController();
    const started: Read = { users: 0, stop, bytes: read(stop.signal) };
    this.#reads.set(digest, started);
    started.bytes.catch(() => this.#forget(digest, started));
    return started;
  }

  #leave(digest: Digest, read: Read): void {
    read.users -= 1;
    if (read.users > 0) return;
    this.#forget(digest, read);
    read.stop.abort();
  }

  #forget(digest: Digest, read: Read): void {
    if (this.#reads.get(digest) === read) this.#reads.delete(digest);
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const gone = Promise.withResolvers<never>();
  const onAbort = (): void => gone.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, gone.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
