import { expect, test } from "bun:test";
import { nextChunk, receivedOf, waysOf } from "./upload-steps.ts";

const MiB = 1024 * 1024;

test("nextChunk is what goes in two seconds, within bounds", () => {
  expect(nextChunk(8 * MiB, 400, 256 * MiB)).toBe(40 * MiB);
  expect(nextChunk(8 * MiB, 1, 256 * MiB)).toBe(256 * MiB);
  expect(nextChunk(8 * MiB, 0, 64 * MiB)).toBe(64 * MiB);
  expect(nextChunk(40 * MiB, 4_000, 256 * MiB)).toBe(20 * MiB);
  expect(nextChunk(8 * MiB, 60_000, 256 * MiB)).toBe(8 * MiB);
});

test("waysOf sends in one request what is seen to go, or is gone soon", () => {
  expect(waysOf(2 ** 40, true)[0]).toBe("whole");
  expect(waysOf(8 * MiB, false)[0]).toBe("whole");
  expect(waysOf(33 * MiB, false)).toEqual(["chunks", "whole"]);
});

test("receivedOf reads what a registry says of an upload, and nothing else", () => {
  expect(receivedOf("0-99")).toBe(100);
  expect(receivedOf("bytes=0-99")).toBe(100);
  expect(receivedOf("0-0")).toBe(0);
  for (const text of [null, "", "5-99", "0-", "0--1", "0-99/200", `0-${"9".repeat(16)}`])
    expect(receivedOf(text)).toBeUndefined();
});
