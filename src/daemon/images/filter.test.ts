import { expect, test } from "bun:test";
import { filterImages, type ImageRow } from "./filter.ts";

const row = {
  image: { created: "2026-01-01T00:00:00Z", config: { Labels: { a: "1" } } },
  tags: [{ reference: "docker.io/library/busybox:latest" }],
} as unknown as ImageRow;

function matches(name: string, value: string): boolean {
  return filterImages([row], new Map([[name, [value]]]), () => row.image).length > 0;
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

test("of an image's names those are shown that were asked for", () => {
  const references = ["docker.io/library/busybox:latest", "docker.io/library/busybox:1", "h:5/x:1"];
  const named = { ...row, tags: references.map((reference) => ({ reference })) } as ImageRow;
  const shown = (...patterns: string[]) =>
    filterImages([named], new Map([["reference", patterns]]), () => row.image)
      .flatMap(({ tags }) => tags)
      .map(({ reference }) => reference);
  expect(shown("busybox")).toEqual(references.slice(0, 2));
  expect(shown("busybox:1", "h:5/*")).toEqual(references.slice(1));
  expect(shown("other")).toEqual([]);
});

test("every label and every time counts", () => {
  const pass = (name: string, ...values: string[]) =>
    filterImages([row], new Map([[name, values]]), () => row.image).length > 0;
  expect(pass("label", "a", "b")).toBe(false);
  expect(pass("until", "2026-06-01", "2025-06-01")).toBe(false);
});
