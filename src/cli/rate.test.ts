import { expect, test } from "bun:test";
import { formatEta, formatRate, RateMeter } from "./rate.ts";

test("RateMeter measures the last seconds, says nothing too soon, and sinks when nothing comes", () => {
  const meter = new RateMeter();
  expect(meter.rate(0)).toBeUndefined();
  meter.add(50_000_000, 0);
  meter.add(50_100_000, 100);
  expect(meter.rate(100)).toBeUndefined();
  for (let at = 200; at <= 10_000; at += 100) meter.add(50_000_000 + at * 1000, at);
  expect(meter.rate(10_000)).toBeCloseTo(1_000_000, -3);
  expect(meter.rate(20_000)).toBeLessThan(400_000);
  for (let at = 10_100; at <= 20_000; at += 100) meter.add(60_000_000 + (at - 10_000) * 3000, at);
  expect(meter.rate(20_000)).toBeCloseTo(3_000_000, -3);
});

test("RateMeter never tells a negative rate", () => {
  const meter = new RateMeter();
  meter.add(10, 0);
  meter.add(0, 1000);
  expect(meter.rate(1000)).toBe(0);
});

test("formatEta is short at every size, and silent where nobody can tell", () => {
  const eta = (seconds: number) => formatEta(seconds * 10, 10);
  expect([0, 1, 59, 60, 185, 3599, 3600, 7620, 359_999].map(eta)).toEqual([
    "0s",
    "1s",
    "59s",
    "1m00s",
    "3m05s",
    "59m59s",
    "1h00m",
    "2h07m",
    "99h59m",
  ]);
  expect(eta(360_000)).toBeUndefined();
  expect(formatEta(10, undefined)).toBeUndefined();
  expect(formatEta(10, 0)).toBeUndefined();
  expect(formatEta(-1, 10)).toBeUndefined();
  expect(formatRate(1_234_567.8)).toBe("1.23MB/s");
});
