import { expect, test } from "bun:test";
import type { ContainerCreateRequest } from "../../../api/types.ts";
import { modernize, withFormerAliases, withoutLaterHealth } from "./versions.ts";

const mac = "02:00:00:00:00:01";
const sysctls = "com.docker.network.endpoint.sysctls";

function endpointsOf(request: ContainerCreateRequest, version: string) {
  return modernize(request, version).request.NetworkingConfig?.EndpointsConfig;
}

test("several networks came with 1.44", () => {
  const request = { NetworkingConfig: { EndpointsConfig: { a: {}, b: {} } } };
  expect(() => modernize(request, "1.43")).toThrow(
    "Container cannot be created with multiple network endpoints: a, b",
  );
  expect(endpointsOf(request, "1.44")).toEqual({ a: { GwPriority: 0 }, b: { GwPriority: 0 } });
  expect(endpointsOf(request, "1.48")).toEqual({ a: {}, b: {} });
});

test("a MAC address of the container is that of its first network", () => {
  expect(endpointsOf({ MacAddress: mac }, "1.43")).toEqual({ bridge: { MacAddress: mac } });
  const moved = modernize({ MacAddress: mac, HostConfig: { NetworkMode: "n" } }, "1.44");
  expect(moved.request.NetworkingConfig?.EndpointsConfig).toEqual({ n: { MacAddress: mac } });
  expect(moved.request.MacAddress).toBe("");
  expect(moved.warnings).toEqual([
    "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.",
  ]);
});

test("a MAC address that does not fit is refused", () => {
  const none = { MacAddress: mac, HostConfig: { NetworkMode: "none" } };
  expect(() => modernize(none, "1.41")).toThrow("mac-address and the network mode");
  const other = {
    MacAddress: mac,
    HostConfig: { NetworkMode: "n" },
    NetworkingConfig: { EndpointsConfig: { n: { MacAddress: "02:00:00:00:00:02" } } },
  };
  expect(() => modernize(other, "1.44")).toThrow("must match the endpoint-specific MAC address");
  const elsewhere = { MacAddress: mac, NetworkingConfig: { EndpointsConfig: { n: {} } } };
  expect(() => modernize(elsewhere, "1.44")).toThrow("must match the identity of a network");
});

test("earlier versions know no MAC address of a network", () => {
  const request = { NetworkingConfig: { EndpointsConfig: { n: { MacAddress: mac } } } };
  expect(endpointsOf(request, "1.43")).toEqual({ n: { MacAddress: "", GwPriority: 0 } });
});

test("settings of eth0 become those of the first network, until 1.48 refused them", () => {
  const Sysctls = { "net.ipv4.conf.eth0.rp_filter": "2", "net.ipv4.ip_forward": "1" };
  const request = { HostConfig: { Sysctls } };
  const moved = modernize(request, "1.47");
  expect(moved.request.HostConfig?.Sysctls).toEqual({ "net.ipv4.ip_forward": "1" });
  expect(endpointsOf(request, "1.47")).toEqual({
    bridge: { DriverOpts: { [sysctls]: "net.ipv4.conf.IFNAME.rp_filter=2" } },
  });
  expect(moved.warnings[0]).toStartWith('Migrated sysctl "net.ipv4.conf.eth0.rp_filter"');
  expect(() => modernize(request, "1.48")).toThrow(
    `interface specific sysctl setting "net.ipv4.conf.eth0.rp_filter" must be supplied using driver option '${sysctls}'`,
  );
  const eth1 = { HostConfig: { Sysctls: { "net.ipv4.conf.eth1.rp_filter": "2" } } };
  expect(() => modernize(eth1, "1.47")).toThrow("unable to determine network endpoint for sysctl");
});

test('"default" is the default bridge', () => {
  const request = { NetworkingConfig: { EndpointsConfig: { default: { Aliases: ["a"] } } } };
  expect(endpointsOf(request, "1.48")).toEqual({ bridge: { Aliases: ["a"] } });
});

test("until 1.45 the container's own names stood among its aliases", () => {
  const Networks = { bridge: {}, n: { Aliases: ["web"] } };
  const shown = {
    Id: "0123456789abcdef",
    Config: { Hostname: "box" },
    NetworkSettings: { Networks },
  };
  expect(withFormerAliases(shown, "1.44").NetworkSettings?.Networks).toEqual({
    bridge: {},
    n: { Aliases: ["web", "0123456789ab", "box"] },
  });
  expect(withFormerAliases(shown, "1.45")).toBe(shown);
});

test("until 1.40 containers lent their memory for messages unless they said otherwise", () => {
  const modeOf = (version: string, IpcMode: string) =>
    modernize({ HostConfig: { IpcMode } }, version).request.HostConfig?.IpcMode;
  expect(modeOf("1.39", "")).toBe("shareable");
  expect(modeOf("1.39", "none")).toBe("none");
  expect(modeOf("1.40", "")).toBe("");
});

test("health came into lists with 1.52", () => {
  const listed = { Id: "1", Health: { Status: "none", FailingStreak: 0 } } as const;
  expect(withoutLaterHealth(listed, "1.51")).toEqual({ Id: "1" });
  expect(withoutLaterHealth(listed, "1.52")).toBe(listed);
});
