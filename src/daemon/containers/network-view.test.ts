import { expect, test } from "bun:test";
import { plainAttachment } from "../networks/attachment.ts";
import type { Endpoint } from "../networks/network.ts";
import { type Container, type ContainerState, initialState } from "./container.ts";
import { toNetworkSettings, toNetworkSummaries } from "./network-view.ts";

const id = "0123456789abcdef".repeat(4);

const container = {
  id,
  name: "web",
  config: { Hostname: "box", ExposedPorts: { "80/tcp": {} } },
  hostConfig: { NetworkMode: "front" },
  attachments: {
    front: plainAttachment({
      ...{ aliases: ["www"], links: ["db:store"], address: "10.0.0.7", linkLocal: ["169.254.1.1"] },
      ...{ macAddress: "02:00:00:00:00:07", driverOptions: { a: "1" }, gatewayPriority: 3 },
    }),
    bridge: plainAttachment(),
  },
} as unknown as Container;

function endpoint(changes: Partial<Endpoint>): Endpoint {
  return {
    ...{ networkId: "n", endpointId: "e", interface: "eth0", hostInterface: "vethe" },
    ...{ address: "172.17.0.2", prefixLength: 16, gateway: "172.17.0.1" },
    ...{ address6: "", prefixLength6: 0, gateway6: "", macAddress: "02:42:ac:11:00:02" },
    ...{ isGateway: { ipv4: true, ipv6: false }, ...changes },
  };
}

const running: ContainerState = {
  ...{ ...initialState(), status: "running", pid: 7 },
  endpoints: {
    front: endpoint({ networkId: "f", endpointId: "e1", address6: "fd00::7", prefixLength6: 64 }),
    bridge: endpoint({ networkId: "b", endpointId: "e2" }),
  },
};

const view = (state: ContainerState) => ({
  ...{ container, state },
  networkId: (name: string) => `id-${name}`,
});

const kept = {
  IPAMConfig: { IPv4Address: "10.0.0.7", LinkLocalIPs: ["169.254.1.1"] },
  ...{ Links: ["db:store"], Aliases: ["www"], DriverOpts: { a: "1" }, GwPriority: 3 },
  DNSNames: ["web", "www", id.slice(0, 12), "box"],
};

test("while it runs a container's places stand beside what was asked for", () => {
  const shown = toNetworkSettings(view(running));
  expect(shown).toMatchObject({
    ...{ SandboxID: expect.stringMatching(/^[0-9a-f]{64}$/), SandboxKey: "/proc/7/ns/net" },
    // At the top is the default bridge.
    ...{ EndpointID: "e2", IPAddress: "172.17.0.2", IPPrefixLen: 16, Ports: { "80/tcp": null } },
  });
  expect(Object.keys(shown.Networks ?? {})).toEqual(["bridge", "front"]);
  const front: unknown = shown.Networks?.front;
  expect(front).toEqual({
    ...{ ...kept, NetworkID: "f", EndpointID: "e1", MacAddress: "02:42:ac:11:00:02" },
    ...{ Gateway: "172.17.0.1", IPAddress: "172.17.0.2", IPPrefixLen: 16 },
    ...{ IPv6Gateway: "", GlobalIPv6Address: "fd00::7", GlobalIPv6PrefixLen: 64 },
  });
  expect(shown.Networks?.bridge).toMatchObject({ Aliases: null, DNSNames: null, IPAMConfig: null });
});

const empty = {
  ...{ EndpointID: "", Gateway: "", IPAddress: "", IPPrefixLen: 0 },
  ...{ IPv6Gateway: "", GlobalIPv6Address: "", GlobalIPv6PrefixLen: 0 },
};

test("one that has ended has what it asked for, and no addresses", () => {
  const shown = toNetworkSettings(view({ ...initialState(), status: "exited" }));
  expect(shown).toMatchObject({ SandboxID: "", SandboxKey: "", Ports: {} });
  const front: unknown = shown.Networks?.front;
  expect(front).toEqual({ ...kept, ...empty, NetworkID: "id-front", MacAddress: "" });
});

test("one that never ran shows the MAC address that it is to have", () => {
  const shown: unknown = toNetworkSettings(view(initialState())).Networks?.front;
  expect(shown).toEqual({ ...kept, ...empty, NetworkID: "", MacAddress: "02:00:00:00:00:07" });
});

test("a list leaves names and settings out, as Docker's", () => {
  const shown: unknown = toNetworkSummaries(view(running)).front;
  expect(shown).toMatchObject({
    ...{ IPAMConfig: { IPv4Address: "10.0.0.7" }, Links: null, Aliases: null, DNSNames: null },
    ...{ DriverOpts: null, GwPriority: 3, NetworkID: "f", IPAddress: "172.17.0.2" },
  });
});
