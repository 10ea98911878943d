import { expect, test } from "bun:test";
import { allOrNone } from "./together.ts";

const { signal } = new AbortController();

test("allOrNone tells the first failure and stops the others", async () => {
  const stopped: number[] = [];
  const work = async (item: number, stop: AbortSignal): Promise<void> => {
    if (item === 1) throw new Error("the first");
    const { promise, reject } = Promise.withResolvers<void>();
    stop.addEventListener("abort", () => reject(new Error("another")));
    await promise.finally(() => stopped.push(item));
  };
  await expect(allOrNone(signal, [0, 1, 2], work)).rejects.toThrow("the first");
  expect(stopped).toEqual([0, 2]);
});

test("allOrNone fails with the caller's reason when that gives up", async () => {
  const caller = new AbortController();
  const work = async (): Promise<void> => caller.abort(new Error("no more"));
  await expect(allOrNone(caller.signal, [0], work)).rejects.toThrow("no more");
});
