import { expect, test } from "bun:test";
import { Query } from "../http/query.ts";
import { terminalSize } from "./terminal-size.ts";

test("a terminal's size is two numbers", () => {
  expect(terminalSize(new Query("h=24&w=80"))).toEqual({ rows: 24, columns: 80 });
});

test.each([
  ["w=80", 'invalid resize height "": invalid syntax'],
  ["h=24&w=", 'invalid resize width "": invalid syntax'],
  ["h=x&w=80", 'invalid resize height "x": invalid syntax'],
  ["h=24&w=-1", 'invalid resize width "-1": value out of range'],
  ["h=65536&w=80", 'invalid resize height "65536": value out of range'],
])("%p is none", (search, why) => {
  expect(() => terminalSize(new Query(search))).toThrow(why);
});
