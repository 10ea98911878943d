import { expect, test } from "bun:test";
import { buildMatch, Pattern } from "./pattern.ts";

const texts = [
  "",
  "a",
  "web",
  "web-1",
  "web_22",
  "/web",
  "db.main",
  "aaaa",
  "abab",
  "x-y",
  "A1",
  "]",
];
const patterns = [
  ...[
    "",
    "a",
    "web",
    "^web$",
    "^/?web$",
    "web-.",
    "w.b",
    "[a-w]+",
    "[^a-z]",
    "^[^/]+$",
    "a*",
    "a+b",
  ],
  ...["(ab)+$", "^(?:ab){2}$", "a{2,3}", "^a{5,}$", "a{0,1}b", "x|web|d", "^(web|db)([-_.]\\w+)?$"],
  ...["\\d", "\\.", "^\\w+$", "\\W", "a??b", "(a|b|)*$", "[]]", "[a-]", "()", "^$", "a|"],
];

test("it agrees with the engine's own on what both know", () => {
  for (const pattern of patterns) {
    const found = texts.filter((text) => new Pattern(pattern).test(text));
    const source = pattern === "[]]" ? "[\\]]" : pattern;
    const wanted = texts.filter((text) => new RegExp(source).test(text));
    expect([pattern, found]).toEqual([pattern, wanted]);
  }
});

test("what would go back for ages elsewhere takes no time", () => {
  const from = performance.now();
  for (const pattern of ["(a+)+$", "(a|a)*$", "(a*)*b", "(.*.*.*.*)*b", "(a?){50}a{50}"])
    new Pattern(`${pattern}`).test(`${"a".repeat(2000)}!`);
  new Pattern("(?:a*){999}").test("a".repeat(2000));
  expect(() => new Pattern("(){999}{999}{999}")).toThrow("too large");
  expect(performance.now() - from).toBeLessThan(2000);
});

test("buildMatch finds what is named, and what fits a pattern", () => {
  const matches = buildMatch(["^web$", "a+b"]);
  expect(["web", "web2", "a+b", "aab", "xaaby", "ab"].filter(matches)).toEqual([
    ...["web", "a+b", "aab", "xaaby", "ab"],
  ]);
  expect(["x"].filter(buildMatch([]))).toEqual([]);
  expect(["", "x"].filter(buildMatch([""]))).toEqual(["", "x"]);
});

test("what is no pattern, or too large, is refused", () => {
  for (const pattern of ["(", ")", "[", "[a", "*", "\\", "a{3,1}", "\\1", "(?=a)", "[z-a]"])
    expect(() => new Pattern(pattern)).toThrow("error parsing regexp");
  expect(() => new Pattern("a".repeat(257))).toThrow("longer than");
  expect(() => new Pattern("((a{500}){500}){500}")).toThrow("too large");
  expect(() => new Pattern("(".repeat(100) + ")".repeat(100))).toThrow("too deeply");
});
