import { expect, test } from "bun:test";
import { formatBinarySize, formatSize } from "./size.ts";
import { formatAge, parseMoment } from "./time.ts";

test("formatAge says how long ago as Docker does", () => {
  const ages = [
    0.5,
    1,
    59,
    60,
    150,
    3000,
    3600,
    86400,
    3 * 86400,
    20 * 86400,
    100 * 86400,
    1000 * 86400,
  ];
  expect(ages.map(formatAge)).toEqual([
    "Less than a second",
    "1 second",
    "59 seconds",
    "About a minute",
    "2 minutes",
    "50 minutes",
    "About an hour",
    "24 hours",
    "3 days",
    "2 weeks",
    "3 months",
    "2 years",
  ]);
});

test("parseMoment takes dates, Unix seconds and durations before now", () => {
  expect(parseMoment("1136073600.5")).toBe("1136073600.5");
  expect(parseMoment("2006-01-02T15:04:05Z")).toBe("1136214245.000000000");
  expect(parseMoment("2006-01-02T15:04:05.123+01:00")).toBe("1136210645.123000000");
  expect(parseMoment("1m30s", 1_000_000_000_000)).toBe("999999910.000000000");
  expect(parseMoment("yesterday")).toBeUndefined();
  expect(parseMoment("2006-13-02")).toBeUndefined();
});

test("formatSize prints as many digits as Docker", () => {
  expect([0, 999, 1000, 1_980_000, 762_344].map((n) => formatSize(n, 3))).toEqual([
    "0B",
    "999B",
    "1kB",
    "1.98MB",
    "762kB",
  ]);
  expect(formatSize(1_982_344)).toBe("1.982MB");
  expect(formatSize(999_999, 3)).toBe("1e+03kB");
  expect(formatBinarySize(25_276_502_016)).toBe("23.54GiB");
});
