import { describe, expect, test } from "bun:test";
import { isInsecure, listEndpoints, parseMirror } from "./endpoints.ts";

describe("listEndpoints", () => {
  test("a name that every object inherits is a domain without mirrors", () => {
    const list = listEndpoints({ domain: "toString" }, { registryMirrors: {} });
    expect(list.map(({ host, mirror }) => [host, mirror])).toEqual([["toString", false]]);
  });

  test("mirrors come first and Docker Hub has its own host", () => {
    const list = listEndpoints({ domain: "docker.io" }, { mirrors: ["http://127.0.0.1:5001/"] });
    expect(list.map((e) => [e.scheme, e.host, e.account, e.mirror])).toEqual([
      ["http", "127.0.0.1:5001", "127.0.0.1:5001", true],
      ["https", "registry-1.docker.io", "docker.io", false],
    ]);
  });

  test("mirrors of one registry are not asked for another", () => {
    const options = { mirrors: ["http://m"], registryMirrors: { "ghcr.io": ["https://g/path/"] } };
    expect(listEndpoints({ domain: "quay.io" }, options).map((e) => e.host)).toEqual(["quay.io"]);
    expect(listEndpoints({ domain: "ghcr.io" }, options)).toMatchObject([
      { host: "g", prefix: "/path" },
      { host: "ghcr.io" },
    ]);
  });

  test("only loopback and configured registries may be spoken to without https", () => {
    const options = { insecureRegistries: ["plain.example:5000", "10.0.0.0/8"] };
    const scheme = (domain: string) => listEndpoints({ domain }, options)[0]?.scheme;
    expect(scheme("127.0.0.1:5000")).toBeUndefined();
    expect(scheme("[::1]:5000")).toBeUndefined();
    expect(scheme("localhost:5000")).toBeUndefined();
    expect(scheme("plain.example:5000")).toBeUndefined();
    expect(scheme("10.9.9.9:5000")).toBeUndefined();
    expect(scheme("plain.example")).toBe("https");
    expect(scheme("plain.example:5001")).toBe("https");
    expect(scheme("192.168.0.1:5000")).toBe("https");
    expect(isInsecure("localhost.example.org", [])).toBe(false);
  });
});

describe("parseMirror", () => {
  test("what is no URL of a registry is refused, without repeating a password", () => {
    for (const text of ["", "127.0.0.1:5000", "ftp://a", "http://"]) {
      expect(() => parseMirror(text)).toThrow("invalid registry mirror");
    }
    expect(() => parseMirror("https://user:secret@host")).toThrow(/^(?!.*secret).*not allowed/);
    expect(() => parseMirror("https://host/?q=1")).toThrow("not allowed");
  });
});
