import { expect, test } from "bun:test";
import { parseSignal } from "./signals.ts";

test.each([
  ["KILL", 9],
  ["sigterm", 15],
  ["15", 15],
  ["SIGRTMIN+3", 37],
  ["RTMAX-1", 63],
])("%p is a signal", (text, number) => {
  expect(parseSignal(text)).toBe(number);
});

test.each(["0", "65", "SIG42", "SIG", "-9", "toString", ""])("%p is none", (text) => {
  expect(() => parseSignal(text)).toThrow(`Invalid signal: ${text}`);
});
