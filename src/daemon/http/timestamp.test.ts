import { describe, expect, test } from "bun:test";
import { parseTimestamp } from "./timestamp.ts";

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
    expect(() => parseTimestamp("soon")).toThrow("invalid time");
  });
});
