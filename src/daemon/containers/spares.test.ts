import { expect, test } from "bun:test";
import { Spares } from "./spares.ts";

function create() {
  const told: string[] = [];
  const rested = Promise.withResolvers<void>();
  const native = {
    prepareMonitor: () => Promise.resolve(void told.push("prepare")),
    configurePool: (most: number) => void told.push(`most ${most}`),
    restPool: () => {
      told.push("rest");
      rested.resolve();
    },
  };
  const log = { warn: (text: string) => void told.push(text) };
  const spares = new Spares({ native, log, most: 3, pause: 20 });
  return { native, spares, told, rested: rested.promise };
}

test("what was made ahead is let go once after the last of some starts", async () => {
  const { spares, told, rested } = create();
  for (const _ of [1, 2, 3]) spares.refill();
  await rested;
  expect(told).toEqual(["most 3", "prepare", "prepare", "prepare", "rest"]);
  spares.close();
});

test("a monitor that cannot be made ahead is told of and is no error", async () => {
  const { native, spares, told } = create();
  native.prepareMonitor = () => Promise.reject(new Error("no threads"));
  spares.refill();
  await Promise.resolve();
  await Promise.resolve();
  expect(told).toContain("prepare a monitor: no threads");
  spares.close();
});
