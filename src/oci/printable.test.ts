import { describe, expect, test } from "bun:test";
import { printable } from "./printable.ts";

describe("printable", () => {
  test("nothing that a terminal obeys gets through", () => {
    expect(printable("a\u001b[31mb\r\n\u0007\u009b1m\u007f")).toBe("a?[31mb???" + "?1m?");
    expect(printable("\u202eevil\u2066\u200f")).toBe("?evil??");
    expect(printable("\ud800x")).toBe("?x");
  });

  test("ordinary text of any language stays", () => {
    expect(printable("héllo 世界 🐳")).toBe("héllo 世界 🐳");
  });

  test("long text is cut", () => {
    expect(printable("x".repeat(300), 10)).toBe(`${"x".repeat(10)}…`);
    expect(printable("x".repeat(10), 10)).toBe("x".repeat(10));
  });
});
