import { expect, test } from "bun:test";
import { prefixOf } from "./address.ts";
import type { CreateSurroundings } from "./create/decide.ts";
import { type DefaultBridgeSettings, decideDefaultBridge } from "./default-bridge.ts";
import { dockerPools, uniqueLocalPool } from "./ipam/default-pools.ts";
import { sampleNetwork } from "./sample.ts";

const unchosen = { bip: null, fixedCidr: null, gateway: null };
const around: CreateSurroundings = {
  ...{ now: "", networks: [], routes: [], defaultOptions: {} },
  defaultPools: [...dockerPools, uniqueLocalPool("engine")],
};

function pools(
  settings: Partial<Pick<DefaultBridgeSettings, "ipv6" | "formerAddress">> & {
    ipv4?: Partial<typeof unchosen> | Record<string, string>;
    addresses6?: Record<string, string>;
  },
  before: { subnet: string; gateway?: string }[] = [],
  changes: Partial<CreateSurroundings> = {},
) {
  const { ipv4 = {}, addresses6 = {}, ...others } = settings;
  return decideDefaultBridge(
    {
      ...{ options: {}, ipv6: false, formerAddress: null, ...others },
      addresses: { 4: { ...unchosen, ...ipv4 }, 6: { ...unchosen, ...addresses6 } },
    },
    sampleNetwork(before),
    { ...around, ...changes },
  ).pools;
}

test("at first it has the first subnet that is free", () => {
  const routes = [prefixOf("172.17.0.0/24")];
  expect(pools({}, [], { routes })).toEqual([
    {
      subnet: "172.18.0.0/16",
      range: null,
      gateway: "172.18.0.1",
      auxiliary: {},
      isConfigured: false,
    },
  ]);
});

test("later it keeps what it had, also from an earlier version", () => {
  const kept = [
    {
      subnet: "172.20.0.0/16",
      range: null,
      gateway: "172.20.0.1",
      auxiliary: {},
      isConfigured: false,
    },
  ];
  expect(pools({}, [{ subnet: "172.20.0.0/16", gateway: "172.20.0.1" }])).toEqual(kept);
  expect(pools({ formerAddress: "172.20.0.1/16" })).toEqual(kept);
});

test("what no default pool has any more is given up", () => {
  expect(pools({}, [{ subnet: "10.7.0.0/24", gateway: "10.7.0.1" }])[0]?.subnet).toBe(
    "172.17.0.0/16",
  );
});

test("the user's address, range and gateway are obeyed", () => {
  const ipv4 = { bip: "10.7.0.9/24", fixedCidr: "10.7.0.128/25", gateway: "10.7.0.2" };
  expect(pools({ ipv4 }, [{ subnet: "172.20.0.0/16", gateway: "172.20.0.1" }])).toEqual([
    {
      ...{ subnet: "10.7.0.0/24", range: "10.7.0.128/25", gateway: "10.7.0.9" },
      auxiliary: { DefaultGatewayIPv4: "10.7.0.2" },
      isConfigured: false,
    },
  ]);
});

test("a range alone is part of what the bridge had, or its subnet", () => {
  const had = [{ subnet: "172.17.0.0/16", gateway: "172.17.0.1" }];
  expect(pools({ ipv4: { fixedCidr: "172.17.9.0/24" } }, had)[0]).toMatchObject({
    ...{ subnet: "172.17.0.0/16", range: "172.17.9.0/24", gateway: "172.17.0.1" },
  });
  expect(pools({ ipv4: { fixedCidr: "10.7.0.0/24" } }, had)[0]).toMatchObject({
    ...{ subnet: "10.7.0.0/24", range: null, gateway: "10.7.0.1" },
  });
});

test("with IPv6 it has a subnet of that family too", () => {
  expect(pools({ ipv6: true })[1]?.subnet).toMatch(/^fd.*::\/64$/);
  expect(pools({ ipv6: true, addresses6: { fixedCidr: "2001:db8:1::/64" } })[1]).toMatchObject({
    ...{ subnet: "2001:db8:1::/64", gateway: "2001:db8:1::1" },
  });
});

test("a gateway elsewhere is refused", () => {
  expect(() => pools({ ipv4: { gateway: "10.7.0.1" } })).toThrow(
    "default gateway ip must be part of the network: 10.7.0.1 is not in 172.17.0.0/16",
  );
});

test("neither the loopback nor what another network has is taken", () => {
  expect(() => pools({ ipv4: { bip: "127.0.0.2/8" } })).toThrow("loopback subnet");
  const networks = [
    sampleNetwork([{ subnet: "10.7.0.0/24" }], { id: "e".repeat(64), name: "own" }),
  ];
  const ipv4 = { bip: "10.7.0.1/16", fixedCidr: "10.7.8.0/24" };
  expect(() => pools({ ipv4 }, [], { networks })).toThrow("networks have overlapping IPv4");
});
