import { expect, test } from "bun:test";
import { compareNatural } from "./natural.ts";

test("compareNatural counts numbers in names, and otherwise goes by bytes", () => {
  const sorted = ["", "1", "01", "2", "10", "B", "a", "a1", "a1b", "a02", "a10", "b"];
  expect(sorted.toReversed().sort(compareNatural)).toEqual(sorted);
});
