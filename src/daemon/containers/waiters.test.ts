import { expect, test } from "bun:test";
import { Waiters } from "./waiters.ts";

test("a value goes to all who wait, once, and not to those who come later", async () => {
  const waiters = new Waiters<number>();
  const { signal } = new AbortController();
  const early = [waiters.next(signal), waiters.next(signal)];
  waiters.settle(1);
  const late = waiters.next(signal);
  waiters.settle(2);
  expect(await Promise.all([...early, late])).toEqual([1, 1, 2]);
  expect(waiters.size).toBe(0);
});

test("who goes leaves nothing", async () => {
  const waiters = new Waiters<number>();
  const controller = new AbortController();
  const waiting = Array.from({ length: 1000 }, () => waiters.next(controller.signal));
  expect(waiters.size).toBe(1000);
  controller.abort();
  expect(waiters.size).toBe(0);
  expect(await waiting[0]).toBeUndefined();
  expect(await waiters.next(controller.signal)).toBeUndefined();
});
