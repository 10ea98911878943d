import { expect, test } from "bun:test";
import { type NameFlags, readNameConfig } from "./settings.ts";

const none: NameFlags = { dns: [], dnsSearch: [], dnsOptions: [], hostGateways: [] };

test("readNameConfig joins flags and file", () => {
  const flags = { ...none, dns: ["10.0.0.1"], hostGateways: ["10.0.0.9"] };
  const file = { dns: ["fd00::1"], "dns-search": ["lan"], "host-gateway-ips": ["fd00::9"] };
  expect(readNameConfig(flags, file)).toEqual({
    defaults: { servers: ["10.0.0.1", "fd00::1"], search: ["lan"], options: [] },
    hostGateways: ["10.0.0.9", "fd00::9"],
  });
});

test.each([
  [{ dns: ["nine"] }, "give an IPv4 or IPv6 address"],
  [{ hostGateways: ["nine"] }, "give an IPv4 or IPv6 address"],
  [{ hostGateways: ["10.0.0.1", "10.0.0.2"] }, "only one IPv4 and one IPv6"],
  [{ dnsOptions: ["a b"] }, "invalid word"],
])("readNameConfig refuses %j", (flags, words) => {
  expect(() => readNameConfig({ ...none, ...flags }, {})).toThrow(words);
});
