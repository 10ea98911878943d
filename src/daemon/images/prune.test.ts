import { expect, test } from "bun:test";
import type { ImageRow } from "./filter.ts";
import { choosePrunedImages, isUnfiltered } from "./prune.ts";

const row = (id: string, created: string, tags: string[], Labels = {}) =>
  ({ image: { id, created, config: { Labels } }, tags }) as unknown as ImageRow;
const rows = [
  row("named", "2020-01-01T00:00:00Z", ["x:1"], { keep: "1" }),
  row("old", "2020-01-01T00:00:00Z", []),
  row("new", "2026-01-01T00:00:00Z", [], { stage: "test" }),
];
const now = Date.parse("2026-06-01T00:00:00Z");
const choose = (filters: Record<string, string[]>): string[] =>
  choosePrunedImages(rows, new Map(Object.entries(filters)), now).map(({ image }) => image.id);

test("without a name unless all are meant", () => {
  expect(choose({})).toEqual(["old", "new"]);
  expect(choose({ dangling: ["true"] })).toEqual(["old", "new"]);
  expect(choose({ dangling: ["false"] })).toEqual(["named", "old", "new"]);
  expect(() => choose({ dangling: ["x"] })).toThrow("invalid filter 'dangling=[x]'");
});

test("by age and label", () => {
  expect(choose({ until: ["2025-01-01"] })).toEqual(["old"]);
  expect(choose({ until: ["24h"] })).toEqual(["old", "new"]);
  expect(choose({ label: ["stage"] })).toEqual(["new"]);
  expect(choose({ dangling: ["0"], "label!": ["keep=1"] })).toEqual(["old", "new"]);
  expect(() => choose({ until: ["1h", "2h"] })).toThrow("more than one until filter");
});

test("remains go only where nothing was asked for in particular", () => {
  expect(isUnfiltered(new Map([["dangling", ["false"]]]))).toBe(true);
  expect(isUnfiltered(new Map([["until", ["1h"]]]))).toBe(false);
});
