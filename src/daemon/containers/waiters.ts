/**
 * Those who wait for something that may be long in coming. Who goes leaves nothing behind, while a race
 * with a promise leaves its reaction with the promise for as long as that lives.
 */
export class Waiters<T> {
  readonly #waiting = new Set<(value: T) => void>();

  /** Resolves with the next value, or with undefined once the signal is aborted. */
  next(signal: AbortSignal): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<T | undefined>();
    if (signal.aborted) return Promise.resolve(undefined);
    const leave = (): void => {
      this.#waiting.delete(take);
      resolve(undefined);
    };
    const take = (value: T): void => {
      signal.removeEventListener("abort", leave);
      resolve(value);
    };
    this.#waiting.add(take);
    signal.addEventListener("abort", leave, { once: true });
    return promise;
  }

  /** Gives the value to all who wait now. */
  settle(value: T): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const take of waiting) take(value);
  }

  get size(): number {
    return this.#waiting.size;
  }
}
