import { expect, test } from "bun:test";
import { isSteering, tame, tameLine } from "./tame.ts";

test("what steers a terminal or reorders text is taken out, lines and tabs stay", () => {
  expect(tame("a\u001b[31mb\r\tc\n\u009b2J\u202ed\u0007")).toBe("a[31mb\tc\n2Jd");
  expect(tameLine("a\tb\nc\u001b")).toBe("abc");
  expect(tame("héllo 世界 🐳")).toBe("héllo 世界 🐳");
});

test("text that is tame already is known as such", () => {
  expect(isSteering("plain\n\ttext")).toBe(false);
  expect(isSteering("\u001b[2J")).toBe(true);
  expect(isSteering("\u001b[2J")).toBe(true);
});
