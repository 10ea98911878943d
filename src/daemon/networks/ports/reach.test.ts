import { expect, test } from "bun:test";
import { optionNames } from "../create/options.ts";
import type { Endpoint, Network } from "../network.ts";
import { findReach } from "./reach.ts";

const endpoint = (isGateway: Endpoint["isGateway"]): Endpoint => ({
  ...{ networkId: "n", endpointId: "e", interface: "eth0", hostInterface: "veth0" },
  ...{ address: "172.18.0.2", prefixLength: 16, gateway: "172.18.0.1" },
  ...{ address6: "fd00::2", prefixLength6: 64, gateway6: "fd00::1", macAddress: "" },
  isGateway,
});
const bridge = { driver: "bridge", internal: false, options: {} } as unknown as Network;
const out = { net: endpoint({ ipv4: true, ipv6: true }) };

test("a container is reached in the network that is its way out, by both families", () => {
  expect(findReach(out, () => bridge)).toEqual({
    ipv4: { container: "172.18.0.2", host: "0.0.0.0", routed: false },
    ipv6: { container: "fd00::2", host: "::", routed: false },
  });
  const other = { other: endpoint({ ipv4: false, ipv6: false }) };
  const nowhere = { ipv4: undefined, ipv6: undefined };
  expect(findReach(other, () => bridge)).toEqual(nowhere);
  expect(findReach(out, () => ({ ...bridge, internal: true }))).toEqual(nowhere);
  expect(findReach(out, () => ({ ...bridge, driver: "macvlan" }))).toEqual(nowhere);
});

test("the network's address is used where a binding has none, and stands for its family alone", () => {
  const boundTo = (address: string) => ({
    ...bridge,
    options: { [optionNames.hostBinding]: address },
  });
  const four = findReach(out, () => boundTo("127.0.0.1"));
  expect([four.ipv4?.host, four.ipv6?.host]).toEqual(["127.0.0.1", undefined]);
  const six = findReach(out, () => boundTo("::1"));
  expect([six.ipv4?.host, six.ipv6?.host]).toEqual([undefined, "::1"]);
});

test("each family is routed by its own mode", () => {
  const options = { [optionNames.gatewayMode6]: "routed" };
  const { ipv4, ipv6 } = findReach(out, () => ({ ...bridge, options }));
  expect([ipv4?.routed, ipv6?.routed]).toEqual([false, true]);
});
