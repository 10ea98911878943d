import { expect, test } from "bun:test";
import { RangeSet } from "./range-set.ts";

/** Numerical Recipes' generator: the same sequence in every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
}

test("whatever is added and removed in which order, it says what a plain set says", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = createRandom(seed);
    const [set, plain] = [new RangeSet(), new Set<bigint>()];
    for (let step = 0; step < 400; step++) {
      const value = BigInt(random(64));
      if (random(5) < 3) {
        expect(set.add(value)).toBe(!plain.has(value));
        plain.add(value);
      } else {
        set.delete(value);
        plain.delete(value);
      }
      const from = BigInt(random(64));
      const to = from + BigInt(random(20));
      const within = Array.from(
        { length: Number(to - from) + 1 },
        (_, index) => from + BigInt(index),
      );
      expect(set.size).toBe(BigInt(plain.size));
      expect(set.has(value)).toBe(plain.has(value));
      expect(set.firstAbsent(from, to)).toBe(within.find((each) => !plain.has(each)));
      expect(set.countWithin(from, to)).toBe(
        BigInt(within.filter((each) => plain.has(each)).length),
      );
    }
  }
});
