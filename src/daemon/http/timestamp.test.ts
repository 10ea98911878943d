import { describe, expect, test } from "bun:test";
import { parseMoment, parseTimestamp } from "./timestamp.ts";

describe("parseTimestamp", () => {
  test("Unix seconds keep their nanoseconds", () => {
    expect(parseTimestamp("1136073600.000000001")).toBe("2006-01-01T00:00:00.000000001Z");
    expect(parseTimestamp("1136073600")).toBe("2006-01-01T00:00:00.000000000Z");
  });

  test("RFC 3339 is brought to UTC", () => {
    expect(parseTimestamp("2006-01-01T02:00:00.5+02:00")).toBe("2006-01-01T00:00:00.500000000Z");
  });

  test("nothing and zero mean no bound, anything else is refused", () => {
    expect(parseTimestamp("")).toBeUndefined();
    expect(parseTimestamp("0")).toBeUndefined();
    for (const text of ["soon", "X 1", "-1", "2006-13-45", "2006-01-01T25:00", "1e3", "\r\nA: 1"])
      expect(() => parseTimestamp(text), text).toThrow("invalid time");
  });

  test("a day alone, and a time without seconds or zone, will do", () => {
    expect(parseTimestamp("2006-01-02")).toBe("2006-01-02T00:00:00.000000000Z");
    expect(parseTimestamp("2006-01-02T03:04")).toBe("2006-01-02T03:04:00.000000000Z");
    expect(parseTimestamp("2006-01-02T03:04:05.6")).toBe("2006-01-02T03:04:05.600000000Z");
  });

  test("a duration is counted back from now, and not beyond all times", () => {
    expect(parseMoment("1h0.5s", 3_601_000)).toBe("1970-01-01T00:00:00.500000000Z");
    expect(parseMoment(`${"9".repeat(40)}h`, 1000)).toBe("1970-01-01T00:00:00.000000000Z");
  });
});
