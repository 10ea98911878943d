import { expect, test } from "bun:test";
import { readWord, splitWords } from "./words.ts";

const variables = new Map([
  ["A", "a"],
  ["E", ""],
]);
const read = (text: string) => readWord(text, variables);

test("variables stand for what they are, or for what is to stand in their place", () => {
  const words = {
    "$A${A}$X": "aa",
    "${A:-n}${E:-n}${X:-n}": "ann",
    "${A-n}|${E-n}|${X-n}": "a||n",
    "${A:+n}|${E:+n}|${X:+n}": "n||",
    "${A+n}|${E+n}|${X+n}": "n|n|",
    "${A:?no}|${E?no}": "a|",
    "${X:-${A}}z": "az",
    "${X:-${E:-${A}b}c}d": "abcd",
    '${X:-"b c"}': "b c",
    "\\$A $ '$A'": "$A $ $A",
  };
  for (const [text, word] of Object.entries(words))
    expect([text, read(text)]).toEqual([text, word]);
});

test("what is not known, not set or not closed is refused", () => {
  expect(() => read("${X:?who knows}")).toThrow("X: who knows");
  expect(() => read("${E:?}")).toThrow("E: is not set");
  for (const text of ["${P#/}", "${A/a/b}", "${}", "${A:}"])
    expect(() => read(text)).toThrow("is not supported");
  for (const text of ["${A", "${A:-${X}"]) expect(() => read(text)).toThrow("has no end");
});

test("a backslash within double quotes stands for itself but before what they know", () => {
  expect(splitWords('"a\\nb" a\\nb "\\"\\$A\\\\"', variables)).toEqual(["a\\nb", "anb", '"$A\\']);
});
