import { expect, test } from "bun:test";
import { compareLayers } from "./anatomy.ts";

test("compareLayers tells shared layers once, and those of one image alone", () => {
  const size = (id: string) => id.length;
  const found = compareLayers(["a", "bb", "a"], ["a", "ccc", "bb", "dddd"], size);
  expect(found.layers.shared.map(({ DiffID }) => DiffID)).toEqual(["a", "bb"]);
  expect(found.layers.removed).toEqual([]);
  expect(found.layers.added).toEqual([
    { DiffID: "ccc", Size: 3 },
    { DiffID: "dddd", Size: 4 },
  ]);
});
