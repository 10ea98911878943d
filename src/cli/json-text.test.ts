import { expect, test } from "bun:test";
import { compactJson, indentJson } from "./json-text.ts";

const text = '[{"a":1e400,"b":[],"c":{},"d":["x,y:\\u003c\\"{",true,null,9223372036854771712]}]';

test("indentJson lays out and changes no value", () => {
  expect(indentJson(text)).toBe(`[
    {
        "a": 1e400,
        "b": [],
        "c": {},
        "d": [
            "x,y:\\u003c\\"{",
            true,
            null,
            9223372036854771712
        ]
    }
]`);
});

test("compactJson undoes indentJson", () => {
  expect(compactJson(indentJson(text))).toBe(text);
});
