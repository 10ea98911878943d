import { describe, expect, test } from "bun:test";
import { parseJson, wellFormed } from "./json.ts";

describe("escapes of half a character", () => {
  test("become the replacement character in names and values", () => {
    const bytes = new TextEncoder().encode('{"a\\ud83d":["\\udc33x","\\ud83d\\ud83d\\udc33"]}');
    expect(parseJson(bytes, "x")).toEqual({ "a\ufffd": ["\ufffdx", "\ufffd🐳"] });
  });

  test("are not seen where a backslash is escaped, and whole ones stay", () => {
    for (const text of ['"\\\\ud83d"', '"\\ud83d\\udc33"', '"plain \\u0041"']) {
      expect(wellFormed(text)).toBe(text);
    }
  });
});
