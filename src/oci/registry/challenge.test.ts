import { describe, expect, test } from "bun:test";
import { parseChallenges } from "./challenge.ts";

const read = (header: string | null) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe("parseChallenges", () => {
  test("one, several and bare schemes are read", () => {
    expect(read('Bearer realm="https://a/t",service="s, t",scope="x:y:pull,push"')).toEqual([
      ["bearer", { realm: "https://a/t", service: "s, t", scope: "x:y:pull,push" }],
    ]);
    expect(read('Basic realm="a \\"b\\"", BEARER Realm=x , service=y')).toEqual([
      ["basic", { realm: 'a "b"' }],
      ["bearer", { realm: "x", service: "y" }],
    ]);
    expect(read("Negotiate, Basic")).toEqual([
      ["negotiate", {}],
      ["basic", {}],
    ]);
  });

  test("nothing and nonsense end quickly", () => {
    expect(read(null)).toEqual([]);
    expect(read("")).toEqual([]);
    expect(read('"')).toEqual([]);
    expect(read("=,=")).toEqual([]);
    const start = process.cpuUsage();
    read(`Bearer ${"a=".repeat(100_000)}`);
    read(`Bearer a="${"\\".repeat(100_000)}`);
    read(`${"a ,".repeat(100_000)}`);
    expect(process.cpuUsage(start).user).toBeLessThan(500_000);
  });
});
