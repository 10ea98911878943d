import { expect, test } from "bun:test";
import { nextChunk, receivedOf } from "./upload-steps.ts";

const MiB = 1024 * 1024;

test("nextChunk grows on a fast connection and shrinks on a slow one, within bounds", () => {
  expect(nextChunk(8 * MiB, 100)).toBe(16 * MiB);
  expect(nextChunk(64 * MiB, 100)).toBe(64 * MiB);
  expect(nextChunk(32 * MiB, 2_000)).toBe(32 * MiB);
  expect(nextChunk(32 * MiB, 9_000)).toBe(16 * MiB);
  expect(nextChunk(8 * MiB, 60_000)).toBe(8 * MiB);
});

test("receivedOf reads what a registry says of an upload, and nothing else", () => {
  expect(receivedOf("0-99")).toBe(100);
  expect(receivedOf("bytes=0-99")).toBe(100);
  expect(receivedOf("0-0")).toBe(0);
  for (const text of [null, "", "5-99", "0-", "0--1", "0-99/200", `0-${"9".repeat(16)}`])
    expect(receivedOf(text)).toBeUndefined();
});
