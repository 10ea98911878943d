import { describe, expect, test } from "bun:test";
import { parseListenAddress, readTlsConfig } from "./listeners.ts";

describe("parseListenAddress", () => {
  test("Unix sockets and TCP", () => {
    expect(parseListenAddress("unix:///run/x")).toEqual({ kind: "unix", path: "/run/x" });
    const tcp = (hostname: string, port: number) => ({ kind: "tcp" as const, hostname, port });
    expect(parseListenAddress("tcp://")).toEqual(tcp("127.0.0.1", 2376));
    expect(parseListenAddress("tcp://:99")).toEqual(tcp("127.0.0.1", 99));
    expect(parseListenAddress("tcp://0.0.0.0:2376/")).toEqual(tcp("0.0.0.0", 2376));
    expect(parseListenAddress("tcp://[::1]:2376")).toEqual(tcp("::1", 2376));
  });

  test.each([
    "unix://x",
    "fd://",
    "tcp://a:0",
    "tcp://a:65536",
    "tcp://a:b",
    "tcp://a/b",
    "http://a",
    "",
  ])("refuses %j", (host) => {
    expect(() => parseListenAddress(host)).toThrow("cannot listen on");
  });
});

describe("readTlsConfig", () => {
  const tcp = [{ kind: "tcp" as const, hostname: "127.0.0.1", port: 1 }];

  test("refuses TCP without verified clients", () => {
    for (const flags of [
      {},
      { tls: true },
      { tlsverify: false },
      { tls: true, tlscacert: "/ca" },
    ]) {
      expect(() => readTlsConfig(flags, "/certs", tcp)).toThrow("without --tlsverify");
    }
    expect(() => readTlsConfig({}, "/certs", [{ kind: "unix", path: "/x" }])).not.toThrow();
  });

  test("knows where the files are", () => {
    const config = readTlsConfig({ tlsverify: true, tlskey: "/k" }, "/certs", tcp);
    expect(config).toEqual({ ca: "/certs/ca.pem", cert: "/certs/cert.pem", key: "/k" });
  });
});
