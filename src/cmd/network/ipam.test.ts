import { expect, test } from "bun:test";
import { buildIpam, type IpamFlags } from "./ipam.ts";

const none: IpamFlags = {
  ...{ driver: "default", options: {}, subnets: [], ranges: [], gateways: [] },
  auxiliary: {},
};
const build = (flags: Partial<IpamFlags>) => buildIpam({ ...none, ...flags }).Config;

test("buildIpam leaves all to the engine when nothing is said", () => {
  expect(buildIpam({ ...none, options: { a: "b" } })).toEqual({
    Driver: "default",
    Config: [],
    Options: { a: "b" },
  });
});

test("buildIpam gives each address to the subnet that it lies in", () => {
  const config = build({
    subnets: ["192.168.0.0/16", "fd00:1::/64", "10.0.0.0/8"],
    ranges: ["fd00:1::8000/113", "192.168.4.0/24"],
    gateways: ["10.0.0.9", "fd00:1::1"],
    auxiliary: { printer: "192.168.1.5", router: "192.168.1.6", six: "fd00:1::5" },
  });
  expect(config).toEqual([
    {
      Subnet: "192.168.0.0/16",
      IPRange: "192.168.4.0/24",
      AuxiliaryAddresses: { printer: "192.168.1.5", router: "192.168.1.6" },
    },
    {
      Subnet: "fd00:1::/64",
      IPRange: "fd00:1::8000/113",
      Gateway: "fd00:1::1",
      AuxiliaryAddresses: { six: "fd00:1::5" },
    },
    { Subnet: "10.0.0.0/8", Gateway: "10.0.0.9" },
  ]);
});

test("buildIpam takes a subnet by an address in it", () => {
  expect(build({ subnets: ["10.1.2.3/24"], gateways: ["10.1.2.1"] })).toEqual([
    { Subnet: "10.1.2.3/24", Gateway: "10.1.2.1" },
  ]);
});

test("buildIpam leaves a lone subnet to the engine, whatever it is", () => {
  expect(build({ subnets: ["nonsense"] })).toEqual([{ Subnet: "nonsense" }]);
});

const refused: [Partial<IpamFlags>, string][] = [
  [{ gateways: ["10.0.0.1"] }, "every ip-range or gateway must have a corresponding subnet"],
  [{ ranges: ["10.0.0.0/24"] }, "every ip-range or gateway must have a corresponding subnet"],
  [
    { subnets: ["10.1.2.0.30"], gateways: ["10.1.2.1"] },
    "invalid subnet: invalid CIDR address: 10.1.2.0.30",
  ],
  [
    { subnets: ["10.1.2.0/33"], ranges: ["10.1.2.0/24"] },
    "invalid subnet: invalid CIDR address: 10.1.2.0/33",
  ],
  [
    { subnets: ["10.1.2.0/23", "10.1.3.248/30"] },
    "multiple overlapping subnet configuration is not supported",
  ],
  [
    { subnets: ["10.1.3.248/30", "10.1.2.0/23"] },
    "multiple overlapping subnet configuration is not supported",
  ],
  [
    { subnets: ["10.0.0.0/8"], ranges: ["10.0.0.1-10.0.0.9"] },
    "invalid CIDR address: 10.0.0.1-10.0.0.9",
  ],
  [
    { subnets: ["10.0.0.0/8"], ranges: ["11.0.0.0/24"] },
    "no matching subnet for range 11.0.0.0/24",
  ],
  [
    { subnets: ["10.0.0.0/8", "fd00::/64"], ranges: ["10.0.1.0/24", "10.0.2.0/24"] },
    "cannot configure multiple ranges (10.0.2.0/24, 10.0.1.0/24) on the same subnet (10.0.0.0/8)",
  ],
  [{ subnets: ["10.0.0.0/8"], gateways: ["fd00::1"] }, "no matching subnet for gateway fd00::1"],
  [
    { subnets: ["10.0.0.0/8", "fd00::/64"], gateways: ["10.0.0.1", "10.0.0.2"] },
    "cannot configure multiple gateways (10.0.0.2, 10.0.0.1) for the same subnet (10.0.0.0/8)",
  ],
  [
    { subnets: ["10.0.0.0/8"], auxiliary: { a: "11.0.0.1" } },
    "no matching subnet for aux-address 11.0.0.1",
  ],
  [{ auxiliary: { a: "10.0.0.1" } }, "no matching subnet for aux-address 10.0.0.1"],
];

for (const [flags, message] of refused) {
  test(`buildIpam refuses: ${message}`, () => {
    expect(() => build(flags)).toThrow(message);
  });
}
