import { expect, test } from "bun:test";
import { formatTable, judge, measure, quantile } from "./timing.ts";

test("quantile reads between the values where it has to", () => {
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
  expect(quantile([5], 0.9)).toBe(5);
});

test("measure takes all subjects in turn and leaves the first round out", async () => {
  const order: string[] = [];
  const subjects = ["a", "b", "c"].map((name) => ({ name, run: () => void order.push(name) }));
  const results = await measure(subjects, 2);
  expect(order.join("")).toBe("abcbcacab");
  expect([...results.values()].map((times) => times.length)).toEqual([2, 2, 2]);
});

test("formatTable lines columns up", () => {
  expect(
    formatTable([
      ["", "ms"],
      ["long name", "1.00"],
    ]),
  ).toBe("                ms\n  long name   1.00");
});

test("judge says whether a goal is reached, and nothing about what was not measured", () => {
  const results = new Map([
    ["rt", [10]],
    ["docker", [200]],
  ]);
  expect(judge(results, "rt", "docker", 1 / 12)).toBe(
    "  reached  rt ÷ docker = 1/20.0, goal ≤ 1/12",
  );
  expect(judge(results, "docker", "rt", 2)).toStartWith("  MISSED ");
  expect(judge(results, "rt", "podman", 1)).toBeUndefined();
});
