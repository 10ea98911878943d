/** Both ends included. */
interface Range {
  first: bigint;
  last: bigint;
}

/**
 * A set of addresses, kept as sorted runs: addresses given one after the other are one run, so that the
 * next free one is found at once, however many are in use.
 */
export class RangeSet {
  readonly #ranges: Range[] = [];
  #size = 0n;

  get size(): bigint {
    return this.#size;
  }

  has(value: bigint): boolean {
    const range = this.#ranges[this.#find(value)];
    return range !== undefined && range.first <= value;
  }

  /** False if it was there. */
  add(value: bigint): boolean {
    const index = this.#find(value);
    const next = this.#ranges[index];
    if (next !== undefined && next.first <= value) return false;
    this.#size++;
    const before = this.#ranges[index - 1];
    const joinsBefore = before !== undefined && before.last + 1n === value;
    const joinsNext = next !== undefined && next.first - 1n === value;
    if (joinsBefore && joinsNext) {
      before.last = next.last;
      this.#ranges.splice(index, 1);
    } else if (joinsBefore) before.last = value;
    else if (joinsNext) next.first = value;
    else this.#ranges.splice(index, 0, { first: value, last: value });
    return true;
  }

  delete(value: bigint): void {
    const index = this.#find(value);
    const range = this.#ranges[index];
    if (range === undefined || range.first > value) return;
    this.#size--;
    const { first, last } = range;
    const parts: Range[] = [];
    if (first < value) parts.push({ first, last: value - 1n });
    if (value < last) parts.push({ first: value + 1n, last });
    this.#ranges.splice(index, 1, ...parts);
  }

  /** The first value from `from` to `to` that is not in the set. */
  firstAbsent(from: bigint, to: bigint): bigint | undefined {
    const range = this.#ranges[this.#find(from)];
    const free = range === undefined || range.first > from ? from : range.last + 1n;
    return free <= to ? free : undefined;
  }

  /** How many values of the set are from `from` to `to`. */
  countWithin(from: bigint, to: bigint): bigint {
    let count = 0n;
    for (let index = this.#find(from); index < this.#ranges.length; index++) {
      const range = this.#ranges[index];
      if (range === undefined || range.first > to) break;
      const first = range.first > from ? range.first : from;
      const last = range.last < to ? range.last : to;
      count += last - first + 1n;
    }
    return count;
  }

  /** Of the first run that ends at or behind the value. */
  #find(value: bigint): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.last ?? 0n) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
