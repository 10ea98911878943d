import { expect, test } from "bun:test";
import { sampleNetwork } from "./sample.ts";
import { toNetworkInspect, toNetworkSummary } from "./view.ts";

test("what was not given is absent in a pool, and null where there is none", () => {
  const network = sampleNetwork([
    { subnet: "10.0.0.0/24" },
    { subnet: "fd00::/64", range: "fd00::/80", gateway: "fd00::1", auxiliary: { a: "fd00::2" } },
  ]);
  expect(toNetworkSummary(network).IPAM).toEqual({
    ...{ Driver: "default", Options: {} },
    Config: [
      { Subnet: "10.0.0.0/24" },
      {
        ...{ Subnet: "fd00::/64", IPRange: "fd00::/80", Gateway: "fd00::1" },
        AuxiliaryAddresses: { a: "fd00::2" },
      },
    ],
  });
  const host = sampleNetwork([], { name: "host", driver: "host" });
  expect(toNetworkSummary(host).IPAM).toEqual({ Driver: "default", Options: null, Config: null });
});

test.each([
  [2n ** 80n, "18446744073709551615"],
  [2n ** 64n - 3n, "18446744073709551613"],
  [253n, "253"],
])("a count of %p addresses is written exactly, as far as 64 bits go", (available, written) => {
  const usage = new Map([["fd00::/48", { inUse: 3n, available }]]);
  const text = JSON.stringify(toNetworkInspect(sampleNetwork([]), [], usage));
  expect(text).toContain(`{"IPsInUse":3,"DynamicIPsAvailable":${written}}`);
});

test("members are shown by container, the status to clients that know it", () => {
  const member = {
    ...{ containerId: "c1", name: "web", endpointId: "e1", macAddress: "02:42:0a:00:00:02" },
    ...{ address: "10.0.0.2/24", address6: "" },
  };
  const shown = toNetworkInspect(sampleNetwork([]), [member], undefined);
  expect(shown).not.toHaveProperty("Status");
  expect(shown.Containers).toEqual({
    c1: {
      ...{ Name: "web", EndpointID: "e1", MacAddress: "02:42:0a:00:00:02" },
      ...{ IPv4Address: "10.0.0.2/24", IPv6Address: "" },
    },
  });
});
