/** Reproducible chance: the same seed and number give the same request on every machine. */
export class Random {
  #state: number;

  constructor(seed: number, index = 0) {
    this.#state = (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0;
    for (let round = 0; round < 4; round++) this.next();
  }

  /** 32 bits (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A whole number from 0, below `limit`. */
  below(limit: number): number {
    return this.next() % limit;
  }

  chance(share: number): boolean {
    return this.next() < share * 2 ** 32;
  }

  pick<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)];
    if (found === undefined) throw new Error("nothing to pick from");
    return found;
  }
}
