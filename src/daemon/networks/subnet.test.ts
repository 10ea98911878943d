import { describe, expect, test } from "bun:test";
import { chooseSubnet, formatAddress, nextAddress, parseAddress, parseSubnet } from "./subnet.ts";

describe("chooseSubnet", () => {
  test("Docker's first pool is taken when nothing is in the way", () => {
    expect(chooseSubnet(["0.0.0.0/0", "10.0.0.0/8"])).toBe("172.17.0.1/16");
  });

  test("a pool that overlaps a route is passed over", () => {
    expect(chooseSubnet(["172.17.5.0/24", "172.18.0.0/15"])).toBe("172.20.0.1/16");
  });

  test("with every pool taken there is none", () => {
    expect(chooseSubnet(["172.16.0.0/12", "192.168.0.0/16"])).toBeUndefined();
  });
});

describe("nextAddress", () => {
  const subnet = parseSubnet("10.0.0.1/30");

  test("network, broadcast and taken addresses are never given", () => {
    const gateway = parseAddress("10.0.0.1");
    expect(nextAddress(subnet, new Set([gateway]), 0)).toBe(parseAddress("10.0.0.2"));
    expect(nextAddress(subnet, new Set([gateway, gateway + 1]), 0)).toBeUndefined();
  });

  test("the search goes on after the last address and comes round", () => {
    const wide = parseSubnet("10.0.0.0/29");
    expect(formatAddress(nextAddress(wide, new Set(), parseAddress("10.0.0.3")) ?? 0)).toBe(
      "10.0.0.4",
    );
    expect(formatAddress(nextAddress(wide, new Set(), parseAddress("10.0.0.6")) ?? 0)).toBe(
      "10.0.0.1",
    );
  });
});
