/** Lets at most `width` tasks run at once; the others wait in the order they came. */
export class Limiter {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(width: number) {
    this.#free = width;
  }

  /** Whoever is no longer interested waits no longer; `onWait` is told if the task cannot start at once. */
  async run<T>(task: () => Promise<T>, signal?: AbortSignal, onWait?: () => void): Promise<T> {
    await this.#enter(signal, onWait);
    try {
      signal?.throwIfAborted();
      return await task();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal | undefined, onWait?: () => void): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    onWait?.();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      if (this.#waiting.delete(resolve)) reject(signal?.reason);
    };
    this.#waiting.add(resolve);
    signal?.addEventListener("abort", onAbort, { once: true });
    await promise.finally(() => signal?.removeEventListener("abort", onAbort));
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
