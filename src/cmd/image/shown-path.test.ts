import { expect, test } from "bun:test";
import { showPath } from "./shown-path.ts";

test("showPath leaves plain names alone and quotes what would steer, forge a line or is no text", () => {
  expect(showPath("/etc/passwd")).toBe("/etc/passwd");
  expect(showPath("/a b/ä")).toBe("/a b/ä");
  expect(showPath("/a\nD /b")).toBe('"/a\\012D /b"');
  expect(showPath("/\u001b[2J")).toBe('"/\\033[2J"');
  expect(showPath('/say "x"\\')).toBe('"/say \\"x\\"\\\\"');
  expect(showPath("/\u202e")).toBe('"/\\342\\200\\256"');
  expect(showPath("/�x", "2fff78")).toBe('"/\\377x"');
});
