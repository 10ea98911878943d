import { expect, test } from "bun:test";
import { buildBridgePlan } from "./bridge-plan.ts";
import { sampleNetwork } from "./sample.ts";

const ipv4 = { subnet: "10.1.0.0/16", gateway: "10.1.0.1" };
const ipv6 = { subnet: "fd00:1::/64", gateway: "fd00:1::1" };

test("a bridge is named after its network and has the gateways' addresses", () => {
  expect(buildBridgePlan(sampleNetwork([ipv4, ipv6]))).toEqual({
    name: "br-ffffffffffff",
    addresses: ["10.1.0.1/16", "fd00:1::1/64"],
    subnets: ["10.1.0.0/16", "fd00:1::/64"],
    mtu: 1500,
    rules: {
      ...{ masquerade: true, internal: false, icc: true },
      routed: { ipv4: false, ipv6: false },
    },
  });
});

test.each<[Record<string, string>, object]>([
  [{ "com.docker.network.bridge.name": "mine0" }, { name: "mine0" }],
  [{ "com.docker.network.driver.mtu": "9000" }, { mtu: 9000 }],
  [{ "com.docker.network.bridge.inhibit_ipv4": "true" }, { addresses: ["fd00:1::1/64"] }],
  [{ "com.docker.network.bridge.enable_icc": "false" }, { rules: { icc: false } }],
  [{ "com.docker.network.bridge.enable_ip_masquerade": "false" }, { rules: { masquerade: false } }],
  [
    { "com.docker.network.bridge.gateway_mode_ipv6": "routed" },
    { rules: { routed: { ipv4: false, ipv6: true } } },
  ],
  [
    { "com.docker.network.host_ipv4": "192.0.2.1", "com.docker.network.host_ipv6": "2001:db8::1" },
    { rules: { sourceAddress: { ipv4: "192.0.2.1", ipv6: "2001:db8::1" } } },
  ],
])("the options %j make it %j", (options, expected) => {
  expect(buildBridgePlan(sampleNetwork([ipv4, ipv6], { options }))).toMatchObject(expected);
});

test("an internal network lets nothing out, an isolated one has no address of the host's", () => {
  expect(buildBridgePlan(sampleNetwork([ipv4], { internal: true })).rules).toMatchObject({
    ...{ masquerade: false, internal: true, icc: true },
  });
  const options = { "com.docker.network.bridge.gateway_mode_ipv4": "isolated" };
  expect(buildBridgePlan(sampleNetwork([ipv4], { internal: true, options })).addresses).toEqual([]);
});
