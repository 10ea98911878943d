import { describe, expect, test } from "bun:test";
import {
  choosePlatform,
  formatPlatform,
  hostPlatform,
  matchPlatform,
  type Platform,
  parsePlatform,
} from "./platform.ts";

const amd64: Platform = { os: "linux", architecture: "amd64" };

function list(...texts: string[]) {
  return texts.map((text) => {
    const [os = "", architecture = "", variant] = text.split("/");
    return { text, platform: { os, architecture, ...(variant ? { variant } : {}) } };
  });
}

describe("parsePlatform", () => {
  test("what is not said is the host's, and aliases are Docker's", () => {
    const cases: [string, string][] = [
      ["linux/arm64/v8", "linux/arm64"],
      ["linux/arm64", "linux/arm64"],
      ["arm64", "linux/arm64"],
      ["aarch64", "linux/arm64"],
      ["x86_64", "linux/amd64"],
      ["linux/x86_64", "linux/amd64"],
      ["linux", "linux/amd64"],
      ["linux/arm", "linux/arm/v7"],
      ["linux/arm/6", "linux/arm/v6"],
      ["armel", "linux/arm/v6"],
      ["LINUX/AMD64", "linux/amd64"],
      ["linux/386", "linux/386"],
      ["windows/amd64", "windows/amd64"],
    ];
    for (const [text, want] of cases) {
      expect(formatPlatform(parsePlatform(text, amd64))).toBe(want);
    }
  });

  test("nonsense is refused", () => {
    for (const text of ["", "/", "linux/", "a/b/c/d", "linux/am d64", "nonsense", "linux/\u0007"]) {
      expect(() => parsePlatform(text, amd64)).toThrow("invalid platform");
    }
  });

  test("nonsense is quoted without what steers a terminal", () => {
    expect(() => parsePlatform("a/\u009b31m\u202e")).toThrow('invalid platform "a/?31m?"');
  });

  test("the host has an os and an architecture", () => {
    expect(hostPlatform().os).toBe("linux");
    expect(matchPlatform(hostPlatform(), hostPlatform())).toBe(0);
  });
});

describe("choosePlatform", () => {
  test("the nearest variant that the processor runs is chosen", () => {
    const choose = (want: string, ...have: string[]) =>
      choosePlatform(list(...have), parsePlatform(want, amd64))?.text;
    expect(choose("linux/amd64", "linux/arm64", "linux/amd64")).toBe("linux/amd64");
    expect(choose("linux/amd64", "linux/amd64/v3")).toBeUndefined();
    expect(choose("linux/amd64/v3", "linux/amd64", "linux/amd64/v2", "linux/amd64/v4")).toBe(
      "linux/amd64/v2",
    );
    expect(choose("linux/arm/v7", "linux/arm/v5", "linux/arm/v6")).toBe("linux/arm/v6");
    expect(choose("linux/arm/v6", "linux/arm/v7")).toBeUndefined();
    expect(choose("linux/arm64", "linux/arm/v7", "linux/arm64/v8")).toBe("linux/arm64/v8");
    expect(choose("linux/arm64", "linux/arm/v6", "linux/arm/v7")).toBe("linux/arm/v7");
    expect(choose("linux/amd64", "linux/386", "windows/amd64")).toBeUndefined();
    expect(choose("linux/amd64/nonsense", "linux/amd64")).toBeUndefined();
  });

  test("attestations are passed over", () => {
    expect(choosePlatform(list("unknown/unknown"), amd64)).toBeUndefined();
    expect(choosePlatform(list("unknown/unknown", "linux/amd64"), amd64)?.text).toBe("linux/amd64");
  });

  test("one descriptor without a platform will do, one of many will not", () => {
    expect(choosePlatform([{}], amd64)).toEqual({});
    expect(choosePlatform([{}, {}], amd64)).toBeUndefined();
  });
});
