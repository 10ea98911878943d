import { expect, test } from "bun:test";
import { DetachScanner, parseDetachKeys } from "./detach-keys.ts";

test("parseDetachKeys reads letters and control keys", () => {
  expect([...parseDetachKeys(undefined)]).toEqual([16, 17]);
  expect([...parseDetachKeys("ctrl-a,x,ctrl-@,ctrl-\\")]).toEqual([1, 120, 0, 28]);
  expect(() => parseDetachKeys("ctrl-")).toThrow(
    "invalid detach keys (ctrl-): unknown character: 'ctrl-'",
  );
});

test("DetachScanner finds the keys across reads and lets all else through", () => {
  const scanner = new DetachScanner(parseDetachKeys(undefined));
  const push = (...bytes: number[]) => {
    const { send, detached } = scanner.push(Uint8Array.from(bytes));
    return [[...send], detached];
  };
  expect(push(65, 16)).toEqual([[65], false]);
  expect(push(66)).toEqual([[16, 66], false]);
  expect(push(16, 16)).toEqual([[16], false]);
  expect(push(17, 67)).toEqual([[], true]);
});
