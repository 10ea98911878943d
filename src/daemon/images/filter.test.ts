import { expect, test } from "bun:test";
import { type ImageRow, matchesImage } from "./filter.ts";

const row = {
  image: { created: "2026-01-01T00:00:00Z", config: { Labels: { a: "1" } } },
  tags: [{ reference: "docker.io/library/busybox:latest" }],
} as unknown as ImageRow;

function matches(name: string, value: string): boolean {
  return matchesImage(row, new Map([[name, [value]]]), () => row.image);
}

test("a label that every object inherits is none", () => {
  expect(matches("label", "a")).toBe(true);
  expect(matches("label", "a=1")).toBe(true);
  for (const name of ["constructor", "toString", "__proto__", "constructor=1"])
    expect([name, matches("label", name)]).toEqual([name, false]);
});

test("until takes times and durations, and nothing else", () => {
  expect(matches("until", "2026-06-01")).toBe(true);
  expect(matches("until", "1h")).toBe(true);
  expect(matches("until", "1000")).toBe(false);
  expect(() => matches("until", "X 1")).toThrow("invalid time");
});

test("a reference's pattern is bounded", () => {
  expect(matches("reference", "busy*")).toBe(true);
  expect(() => matches("reference", "*".repeat(10_000))).toThrow("too long");
});
