import { describe, expect, test } from "bun:test";
import { parseJson } from "./json.ts";

const parse = (text: string, depth = 64) => parseJson(Buffer.from(text), "text", depth);

describe("parseJson", () => {
  test("gives what JSON.parse gives", () => {
    for (const value of [
      null,
      7,
      "a",
      [],
      {},
      { a: [{ b: null }, "}:{[", '"\\"', ":"] },
      ["{", '\\"'],
    ]) {
      expect(parse(JSON.stringify(value))).toEqual(value);
    }
    expect(parse('{"a:b":{"c":"d:e"},"\\u0061":":"}')).toEqual({ "a:b": { c: "d:e" }, a: ":" });
  });

  test("counts levels before it parses", () => {
    expect(parse("[[[]],{}]", 3)).toEqual([[[]], {}]);
    expect(() => parse("[[[[]]]]", 3)).toThrow("more than 3 levels");
    expect(() => parse('{"a":'.repeat(1_000_000))).toThrow("levels");
    expect(parse('["[[[[[[", "\\"[[[["]', 1)).toHaveLength(2);
  });

  test("refuses a name that an object has twice", () => {
    for (const text of ['{"a":1,"a":1}', '[{"b":{"a":1,"\\u0061":2}}]', '{"0":1,"0":2}']) {
      expect(() => parse(text)).toThrow("same name twice");
    }
    expect(parse('[{"a":1},{"a":2}]')).toHaveLength(2);
  });

  test("refuses __proto__, and no other name", () => {
    for (const text of ['{"__proto__":{}}', '{"a":[{"__\\u0070roto__":1}]}']) {
      expect(() => parse(text)).toThrow("reserved");
    }
    expect(
      Object.keys(parse('{"constructor":1,"prototype":2,"toString":3}') as object),
    ).toHaveLength(3);
  });

  test.each(["", "{", '{"a"}', "{a:1}", "[1,]", "[]]", "nul", '"\u0001"', "1e", "\\"])(
    "refuses %j",
    (text) => {
      expect(() => parse(text)).toThrow("invalid JSON in text");
    },
  );
});
