import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { Quiet } from "./quiet.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test("work is done once, when many requests have ended and no other has come for a while", () => {
  let done = 0;
  const quiet = new Quiet(() => {
    done += 1;
  }, 50);
  for (let count = 0; count < 99; count++) quiet.disturb();
  jest.advanceTimersByTime(80);
  expect(done).toBe(0);
  for (let count = 0; count < 5; count++) {
    quiet.disturb();
    jest.advanceTimersByTime(20);
  }
  expect(done).toBe(0);
  jest.advanceTimersByTime(100);
  expect(done).toBe(1);
  jest.advanceTimersByTime(100);
  expect(done).toBe(1);
});
