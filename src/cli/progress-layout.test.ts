import { expect, test } from "bun:test";
import { fitRows, formatRow, heightOf, type Row } from "./progress-layout.ts";

const row: Row = {
  label: "aaaaaaaaaaaa: Downloading",
  current: 15_000_000,
  total: 30_000_000,
  rate: 2_000_000,
  state: "active",
};

test("formatRow gives bar, bytes, rate and time left as far as there is room", () => {
  expect(formatRow(row, 100)).toBe(
    "aaaaaaaaaaaa: Downloading  [====================>                   ]  15MB/30MB  2MB/s  8s",
  );
  expect(formatRow(row, 60)).toBe("aaaaaaaaaaaa: Downloading  [====>   ]  15MB/30MB  2MB/s  8s");
  expect(formatRow(row, 52)).toBe("aaaaaaaaaaaa: Downloading  15MB/30MB  2MB/s  8s");
  expect(formatRow(row, 42)).toBe("aaaaaaaaaaaa: Downloading  15MB/30MB");
  expect(formatRow({ ...row, total: undefined }, 80)).toBe(
    "aaaaaaaaaaaa: Downloading  15MB  2MB/s",
  );
  expect(formatRow({ ...row, current: 30_000_000 }, 80)).toContain("=]  30MB/30MB  2MB/s");
  expect(formatRow({ ...row, state: "done" }, 80)).toBe(row.label);
});

test("formatRow never fills the last column, whatever the width and the text", () => {
  for (let columns = 1; columns < 140; columns++) {
    for (const label of [row.label, "Ünïcödé 漢字 👍 \u001b[31m", "x".repeat(200)])
      expect(formatRow({ ...row, label }, columns).length).toBeLessThan(Math.max(2, columns));
  }
  expect(formatRow({ ...row, label: "漢\u001b" }, 20)).not.toMatch(/[^ -~]/);
});

test("fitRows shows the rows at work when not all fit, and counts the others", () => {
  const rows = Array.from({ length: 9 }, (_, n): Row => {
    const state = n < 3 ? "done" : n < 6 ? "active" : "idle";
    return { label: `r${n}`, state };
  });
  expect(fitRows(rows, 9, 80)).toEqual(rows.map(({ label }) => label));
  expect(fitRows(rows, 5, 80)).toEqual([
    ...["r3", "r4", "r5", "r6"],
    "... and 5 more: 3 done, 2 to do",
  ]);
  expect(fitRows(rows, 1, 80)).toEqual(["... and 9 more: 3 done, 6 to do"]);
  for (let lines = 0; lines < 12; lines++)
    expect(fitRows(rows, lines, 80).length).toBeLessThanOrEqual(lines);
});

test("heightOf counts what a terminal that has become narrower has wrapped", () => {
  expect(heightOf(["", "x".repeat(40), "x".repeat(41), "x".repeat(80)], 40)).toBe(1 + 1 + 2 + 2);
});
