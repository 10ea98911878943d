import { describe, expect, test } from "bun:test";
import { EngineError } from "../errors.ts";
import { digestOf } from "./digest.ts";
import {
  canonicalName,
  canonicalString,
  familiarName,
  familiarString,
  parseName,
  parseReference,
} from "./reference.ts";

const digest = digestOf("x");

describe("parseReference", () => {
  test("names are normalised as Docker does", () => {
    const cases: [string, string][] = [
      ["hello-world", "docker.io/library/hello-world:latest"],
      ["library/hello-world", "docker.io/library/hello-world:latest"],
      ["docker.io/hello-world", "docker.io/library/hello-world:latest"],
      ["index.docker.io/hello-world:v1", "docker.io/library/hello-world:v1"],
      ["user/app", "docker.io/user/app:latest"],
      ["a/b/c", "docker.io/a/b/c:latest"],
      ["localhost", "docker.io/library/localhost:latest"],
      ["localhost/app", "localhost/app:latest"],
      ["localhost:5000/app:1", "localhost:5000/app:1"],
      ["127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest"],
      ["[::1]:5000/app", "[::1]:5000/app:latest"],
      ["[fe80::1]/app", "[fe80::1]/app:latest"],
      ["ghcr.io/a/b:v1.2-3_4", "ghcr.io/a/b:v1.2-3_4"],
      ["Upper/app", "Upper/app:latest"],
      ["a__b/c--d.e_f", "docker.io/a__b/c--d.e_f:latest"],
      [`app@${digest}`, `docker.io/library/app@${digest}`],
      [`host:1/app:tag@${digest}`, `host:1/app:tag@${digest}`],
      ["app:host", "docker.io/library/app:host"],
    ];
    for (const [text, whole] of cases) expect(canonicalString(parseReference(text))).toBe(whole);
  });

  test("what is no reference is refused in Docker's words", () => {
    const cases: [string, string][] = [
      ["", "invalid reference format"],
      [":latest", "invalid reference format"],
      ["app:", "invalid reference format"],
      ["app@sha256:abc", "invalid reference format"],
      [`app@${digest.toUpperCase()}`, "invalid reference format"],
      ["-app", "invalid reference format"],
      ["app-", "invalid reference format"],
      ["a..b", "invalid reference format"],
      ["a___b", "invalid reference format"],
      ["a//b", "invalid reference format"],
      ["/a", "invalid reference format"],
      ["a/", "invalid reference format"],
      ["../a", "invalid reference format"],
      ["a b", "invalid reference format"],
      ["a\n", "invalid reference format"],
      ["a:1\n", "invalid reference format"],
      ["https://docker.io/a", "invalid reference format"],
      ["host:99999999/a", "invalid reference format"],
      ["host:99999/a", "invalid reference format"],
      ["[abc::12345]:5000/a", "invalid reference format"],
      ["[::::]/a", "invalid reference format"],
      [`a:${"t".repeat(129)}`, "invalid reference format"],
      ["Foo", "invalid reference format: repository name (library/Foo) must be lowercase"],
      [
        "docker.io/Foo",
        "invalid reference format: repository name (library/Foo) must be lowercase",
      ],
      [
        "a".repeat(64),
        `invalid repository name (${"a".repeat(64)}), cannot specify 64-byte hexadecimal strings`,
      ],
      [`${"x/".repeat(124)}yyyyy`, "repository name must not be more than 255 characters"],
      ["x".repeat(100_000), "invalid reference format"],
    ];
    for (const [text, message] of cases) {
      let thrown: unknown;
      try {
        parseReference(text);
      } catch (error) {
        thrown = error;
      }
      expect(thrown, text.slice(0, 80)).toBeInstanceOf(EngineError);
      expect(thrown).toMatchObject({ code: "invalid_argument", message });
    }
  });

  test("a long hostile name is refused in no time", () => {
    const start = process.cpuUsage();
    for (const part of ["a", "a-", "a.", "a_", "a/"]) {
      expect(() => parseReference(`${part.repeat(200)}!`)).toThrow("invalid reference format");
    }
    // Of the processor's time: the clock goes on while others have their turn.
    expect(process.cpuUsage(start).user).toBeLessThan(200_000);
  });
});

describe("parseName", () => {
  test("a tag that is not written stays absent", () => {
    expect(parseName("app").tag).toBeUndefined();
    expect(parseName("app:1").tag).toBe("1");
  });
});

describe("familiarName", () => {
  test("a familiar name reads back as the same reference", () => {
    const cases: [string, string][] = [
      ["docker.io/library/hello-world", "hello-world:latest"],
      ["docker.io/user/app", "user/app:latest"],
      ["docker.io/library/localhost/app", "localhost/app"],
      ["host:5000/app", "host:5000/app:latest"],
    ];
    for (const [text] of cases) {
      const ref = parseReference(text);
      expect(parseReference(familiarString(ref))).toEqual(ref);
    }
    expect(familiarName(parseReference("hello-world"))).toBe("hello-world");
    expect(familiarString(parseReference("hello-world"))).toBe("hello-world:latest");
    expect(canonicalName(parseReference("hello-world"))).toBe("docker.io/library/hello-world");
  });
});
