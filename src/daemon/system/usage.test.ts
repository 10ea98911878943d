import { expect, test } from "bun:test";
import type { ContainerSummary, Volume } from "../../api/types.ts";
import { parseKinds, sumContainers, sumVolumes } from "./usage.ts";

const container = (State: string, SizeRw: number) => ({ State, SizeRw }) as ContainerSummary;
const volume = (Size: number, RefCount: number) => ({ UsageData: { Size, RefCount } }) as Volume;

test("what does not run can be reclaimed", () => {
  const list = [container("running", 1), container("paused", 2), container("exited", 4)];
  expect(sumContainers([...list, container("created", 8)])).toMatchObject({
    ...{ ActiveCount: 2, TotalCount: 4, TotalSize: 15, Reclaimable: 12 },
  });
});

test("a volume without users can be reclaimed, one of unknown size weighs nothing", () => {
  expect(sumVolumes([volume(1, 1), volume(2, 0), volume(-1, 0)])).toMatchObject({
    ...{ ActiveCount: 1, TotalCount: 3, TotalSize: 3, Reclaimable: 2 },
  });
});

test("no kind is every kind, an unknown one is refused", () => {
  expect(parseKinds([]).size).toBe(4);
  expect([...parseKinds(["image"])]).toEqual(["image"]);
  expect(() => parseKinds(["images"])).toThrow("unknown object type: images");
});
