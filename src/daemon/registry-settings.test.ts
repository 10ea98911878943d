import { describe, expect, test } from "bun:test";
import {
  parseConcurrentDownloads,
  parseDownloadAttempts,
  parseMirrors,
  parseRangesPerBlob,
  toRegistryInfo,
} from "./registry-settings.ts";

describe("parseMirrors", () => {
  test("a bare URL mirrors Docker Hub, HOST=URL any registry, in the order given", () => {
    expect(
      parseMirrors([
        "https://one.example/",
        "ghcr.io=https://g.example/proxy/",
        "docker.io=http://127.0.0.1:5001",
        "[::1]:5000=https://six.example",
        "ghcr.io=https://h.example",
        "index.docker.io=https://two.example/a=b",
      ]),
    ).toEqual({
      "docker.io": ["https://one.example", "http://127.0.0.1:5001", "https://two.example/a=b"],
      "ghcr.io": ["https://g.example/proxy", "https://h.example"],
      "[::1]:5000": ["https://six.example"],
    });
  });

  test("what is no URL, has a password or names no registry is refused", () => {
    for (const text of [
      "",
      "mirror.example",
      "ghcr.io=",
      "ghcr.io=ftp://a",
      "https://u:p@a.example",
      "library=https://a.example",
      "=https://a.example",
      "gh cr.io=https://a.example",
    ])
      expect(() => parseMirrors([text])).toThrow("invalid registry mirror");
  });
});

test("numbers of downloads have Docker's defaults, limits and words", () => {
  expect(parseConcurrentDownloads()).toBe(3);
  expect(parseConcurrentDownloads(0)).toBe(Number.POSITIVE_INFINITY);
  expect(() => parseConcurrentDownloads(-1)).toThrow("invalid max concurrent downloads: -1");
  expect(() => parseConcurrentDownloads(1.5)).toThrow("invalid max concurrent downloads: 1.5");
  expect(parseDownloadAttempts()).toBe(5);
  expect(() => parseDownloadAttempts(0)).toThrow("invalid max download attempts: 0");
});

test("toRegistryInfo tells of every registry that has a setting", () => {
  const info = toRegistryInfo({
    registryMirrors: { "docker.io": ["https://m"], "ghcr.io": ["https://g"] },
    insecureRegistries: ["10.0.0.0/8", "plain.example:5000"],
  });
  expect(info.InsecureRegistryCIDRs).toEqual(["127.0.0.0/8", "::1/128", "10.0.0.0/8"]);
  expect(info.Mirrors).toEqual(["https://m"]);
  expect(Object.values(info.IndexConfigs)).toEqual([
    { Name: "docker.io", Mirrors: ["https://m"], Secure: true, Official: true },
    { Name: "ghcr.io", Mirrors: ["https://g"], Secure: true, Official: false },
    { Name: "plain.example:5000", Mirrors: [], Secure: false, Official: false },
  ]);
});

test("ranges of one blob are bounded, for the memory that each takes", () => {
  expect(parseRangesPerBlob()).toBe(1);
  expect(parseRangesPerBlob(4)).toBe(4);
  for (const wrong of [0, 17, 1.5])
    expect(() => parseRangesPerBlob(wrong)).toThrow(`invalid max ranges per blob: ${wrong}`);
});
