import { expect, test } from "bun:test";
import type { HistoryEntry } from "../../oci/config.ts";
import type { ImageRow } from "./filter.ts";
import { buildHistory } from "./history.ts";

const row = { image: { id: "sha256:ab", created: "2024-01-02T03:04:05Z" }, tags: [] };
const step = (createdBy: string, emptyLayer = false): HistoryEntry => ({
  ...{ created: "2024-01-01T00:00:00Z", createdBy, author: "", comment: "why", emptyLayer },
});
const sizes: Record<string, number> = { one: 10, two: 20, three: 30 };
const build = (history: HistoryEntry[], diffIds: string[], names: string[] = []) =>
  buildHistory(row as unknown as ImageRow, { history, diffIds }, names, (id) => sizes[id] ?? 0);

test("history is newest first, and steps without a layer weigh nothing", () => {
  const items = build([step("a"), step("b", true), step("c")], ["one", "two"], ["x:1"]);
  expect(items.map(({ CreatedBy, Size }) => [CreatedBy, Size])).toEqual([
    ["c", 20],
    ["b", 0],
    ["a", 10],
  ]);
  expect(items[0]).toMatchObject({ Id: "sha256:ab", Tags: ["x:1"], Created: 1_704_067_200 });
  expect(items[1]).toMatchObject({ Id: "<missing>", Tags: null, Comment: "why" });
});

test("layers that the config's history leaves out are steps too", () => {
  const items = build([step("a")], ["one", "two", "three"]);
  expect(items.map(({ Size }) => Size)).toEqual([30, 20, 10]);
  expect(items.map(({ Id }) => Id)).toEqual(["sha256:ab", "<missing>", "<missing>"]);
  expect(build([], [])).toEqual([]);
});
