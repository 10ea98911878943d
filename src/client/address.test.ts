import { expect, test } from "bun:test";
import { formatAddress, parseHost } from "./address.ts";

test("parseHost reads Unix sockets and TCP addresses", () => {
  expect(parseHost("unix:///run/x.sock")).toEqual({ kind: "unix", path: "/run/x.sock" });
  expect(parseHost("/run/x.sock")).toEqual({ kind: "unix", path: "/run/x.sock" });
  expect(parseHost("tcp://box")).toEqual({ kind: "tcp", hostname: "box", port: 2375 });
  expect(parseHost("tcp://1.2.3.4:99/")).toEqual({ kind: "tcp", hostname: "1.2.3.4", port: 99 });
  expect(parseHost("tcp://[::1]:99")).toEqual({ kind: "tcp", hostname: "::1", port: 99 });
  expect(parseHost("tcp://:99")).toEqual({ kind: "tcp", hostname: "127.0.0.1", port: 99 });
});

test("parseHost says what is wrong with a host", () => {
  for (const [host, message] of [
    ["bad:///x", 'invalid host "bad:///x": only unix:// and tcp:// addresses are supported'],
    ["unix://", 'invalid host "unix://": the path is empty'],
    ["tcp://a:b:c", 'invalid host "tcp://a:b:c": expected tcp://HOST:PORT'],
    ["tcp://a:70000", 'invalid host "tcp://a:70000": port 70000 is out of range'],
  ] as const) {
    expect(() => parseHost(host)).toThrow(message);
  }
});

test("formatAddress undoes parseHost", () => {
  for (const host of ["unix:///run/x.sock", "tcp://[::1]:99", "tcp://box:2375"]) {
    expect(formatAddress(parseHost(host))).toBe(host);
  }
});
