import { expect, test } from "bun:test";
import { shareParts, sumParts } from "./sharing.ts";

const sizes: Record<string, number> = { base: 100, a: 10, b: 1 };
const size = (part: string): number => sizes[part] ?? 0;
const images = [
  { id: "one", parts: ["base", "a", "a"] },
  { id: "two", parts: ["base", "b"] },
];

test("a part that two images have is shared, and one that an image has twice counts once", () => {
  const shares = shareParts(images, size);
  expect(shares.get("one")).toEqual({ size: 110, shared: 100 });
  expect(shares.get("two")).toEqual({ size: 101, shared: 100 });
});

test("all together count each part once", () => {
  expect(sumParts(images, size)).toBe(111);
  expect(sumParts([], size)).toBe(0);
});
