import { describe, expect, test } from "bun:test";
import { Digester, digestOf, isDigest, parseDigest, verifyBytes } from "./digest.ts";

const hello = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

describe("parseDigest", () => {
  test("the two algorithms are read in their one spelling", () => {
    expect(parseDigest(hello)).toEqual({ algorithm: "sha256", hex: hello.slice(7) });
    expect(parseDigest(`sha512:${"0".repeat(128)}`).algorithm).toBe("sha512");
  });

  test("whatever could lead a path astray is refused", () => {
    const bad = [
      "",
      "sha256:",
      hello.toUpperCase(),
      `${hello}\n`,
      ` ${hello}`,
      `${hello}0`,
      `sha256:../../../../etc/passwd${"0".repeat(42)}`,
      `md5:${"0".repeat(32)}`,
      `sha512:${"0".repeat(64)}`,
      `sha256+b64:${"0".repeat(64)}`,
    ];
    for (const text of bad) {
      expect(isDigest(text)).toBe(false);
      expect(() => parseDigest(text)).toThrow("invalid digest");
    }
    expect(isDigest(undefined)).toBe(false);
  });
});

describe("Digester", () => {
  test("chunks hash as the whole", () => {
    const digester = new Digester();
    digester.update(Buffer.from("hel"));
    digester.update(Buffer.from("lo"));
    expect(digester.size).toBe(5);
    expect(digester.digest()).toBe(hello);
    expect(digestOf("hello")).toBe(hello);
  });
});

test("what is no digest is quoted without what steers a terminal", () => {
  expect(() => parseDigest("sha256:\u009b31m\u202e")).toThrow('invalid digest: "sha256:?31m?"');
});

describe("verifyBytes", () => {
  test("a wrong size and a wrong digest are told apart", () => {
    const bytes = Buffer.from("hello");
    expect(() => verifyBytes(bytes, hello, 5, "config")).not.toThrow();
    expect(() => verifyBytes(bytes, hello, 6, "config")).toThrow("expected 6 bytes, got 5");
    expect(() => verifyBytes(Buffer.from("hellO"), hello, 5, "config")).toThrow(
      "config has the wrong digest",
    );
  });
});
