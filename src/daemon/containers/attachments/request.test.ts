import { expect, test } from "bun:test";
import type { EndpointSettings } from "../../../api/types.ts";
import { plainAttachment } from "../../networks/attachment.ts";
import { parseNetworks } from "./request.ts";
import { createNetwork, FixedNetworks } from "./testing.ts";

const networks = new FixedNetworks([
  createNetwork("bridge"),
  createNetwork("host", [], { driver: "host" }),
  createNetwork("none", [], { driver: "null" }),
  createNetwork("front", [{ subnet: "10.1.0.0/24" }, { subnet: "fd00:1::/64" }]),
  createNetwork("back"),
  createNetwork("settings", [], { configOnly: true }),
]);

function parse(mode: string, endpoints: Record<string, EndpointSettings | null> = {}) {
  const EndpointsConfig = endpoints as Record<string, EndpointSettings>;
  return parseNetworks(
    { HostConfig: { NetworkMode: mode }, NetworkingConfig: { EndpointsConfig } },
    networks,
  );
}

test("without more said it is the network of the mode", () => {
  for (const mode of ["", "default", "bridge", "id-bridge"]) {
    expect(parse(mode)).toEqual({ mode: "bridge", attachments: { bridge: plainAttachment() } });
  }
  expect(parse("id-front").mode).toBe("front");
  expect(parseNetworks({ NetworkDisabled: true }, networks).mode).toBe("none");
});

test("networks with settings are all that there is, by their names", () => {
  const asked = { "id-front": { GwPriority: 3, Aliases: ["web", "web"] }, back: {} };
  expect(parse("front", asked).attachments).toEqual({
    front: plainAttachment({ gatewayPriority: 3, aliases: ["web"] }),
    back: plainAttachment(),
  });
  expect(Object.keys(parse("bridge", { back: {} }).attachments)).toEqual(["back"]);
});

test("a container with another one's network has none of its own", () => {
  expect(parse("container:abc")).toEqual({ mode: "container:abc", attachments: {} });
  expect(() => parse("container:abc", { back: { Aliases: ["x"] } })).toThrow(
    "cannot be connected to any other network",
  );
});

test("static addresses are those of a subnet that was asked for", () => {
  const at = (address: string) => ({ IPAMConfig: { IPv4Address: address } });
  const six = { IPAMConfig: { IPv6Address: "fd00:1::9" } };
  expect(parse("front", { front: at("10.1.0.9") }).attachments.front?.address).toBe("10.1.0.9");
  expect(parse("front", { front: six }).attachments.front?.address6).toBe("fd00:1::9");
  expect(() => parse("front", { front: at("10.2.0.9") })).toThrow(
    "invalid config for network front: invalid endpoint settings:\nno configured subnet or ip-range contain the IP address 10.2.0.9",
  );
  expect(() => parse("back", { back: at("10.1.0.9") })).toThrow(
    "user specified IP address is supported only when connecting to networks with user configured subnets",
  );
  expect(() => parse("bridge", { bridge: at("10.1.0.9") })).toThrow(
    "user specified IP address is supported on user defined networks only",
  );
  expect(() => parse("front", { front: at("10.1.0") })).toThrow("invalid IPv4 address: 10.1.0");
});

test("all that is wrong is said at once", () => {
  const wrong = { IPAMConfig: { IPv4Address: "x", LinkLocalIPs: ["10.0.0.1", "y"] } };
  expect(() => parse("back", { back: wrong, front: { Aliases: ["a b"] } })).toThrow(
    [
      "* invalid config for network back: invalid endpoint settings:",
      "\t* invalid IPv4 address: x",
      "\t* invalid link local IP address: 10.0.0.1",
      "\t* invalid link-local IP address: y",
      "* invalid config for network front: invalid endpoint settings:",
      '\tinvalid network-scoped alias: "a b"',
    ].join("\n"),
  );
});

test.each([
  ["nope", {}, "network nope not found"],
  ["bridge", { nope: {} }, "network nope not found"],
  ["bridge", { back: null }, "invalid config for network back: EndpointsConfig is nil"],
  ["front", { front: {}, "id-front": {} }, 'network "front" is specified multiple times'],
  ["host", { host: {}, back: {} }, "container sharing network namespace with another"],
  ["bridge", { host: {} }, "container must be created in host network mode"],
  ["none", { none: {}, back: {} }, "one of the networks in private (none) mode"],
  ["settings", {}, "cannot create endpoint on configuration-only network"],
  ["bridge", { bridge: { Aliases: ["x"] } }, "network-scoped alias is supported only for"],
  ["host", { host: { MacAddress: "02:00:00:00:00:01" } }, "mac-address and the network mode"],
  ["back", { back: { MacAddress: "01:00:00:00:00:01" } }, "invalid MAC address 01:00:00"],
  [
    "back",
    { back: { IPAMConfig: { LinkLocalIPs: ["fe80::9"] } } },
    "link-local IP address fe80::9 needs a network with IPv6",
  ],
  ["back", { back: { Links: ["a:b:c"] } }, "bad format for links: a:b:c"],
])("mode %p with %p is refused", (mode, endpoints, words) => {
  expect(() => parse(mode, endpoints)).toThrow(words);
});

test("a MAC address is read in each of its spellings, and kept in one", () => {
  for (const MacAddress of ["02-42-AC-11-00-0a", "0242.ac11.000A", "02:42:ac:11:00:0A"]) {
    const { attachments } = parse("back", { back: { MacAddress } });
    expect(attachments.back?.macAddress).toBe("02:42:ac:11:00:0a");
  }
  for (const MacAddress of ["02:42-ac:11:00:0a", "0242ac11000a", "02:42:ac:11:00:0a:00:01"])
    expect(() => parse("back", { back: { MacAddress } })).toThrow("invalid MAC address");
});

test("interfaces can be named, each by another name, and their settings have a form", () => {
  const named = (name: string) => ({
    DriverOpts: { "com.docker.network.endpoint.ifname": name },
  });
  const set = (sysctl: string) => ({
    DriverOpts: { "com.docker.network.endpoint.sysctls": sysctl },
  });
  expect(() => parse("back", { back: named("lan0") })).not.toThrow();
  expect(() => parse("back", { back: named("lan0"), front: named("lan0") })).toThrow(
    "interface name lan0 is asked for more than once",
  );
  for (const name of ["lo", "a/b", "a".repeat(16), "."])
    expect(() => parse("back", { back: named(name) })).toThrow("invalid interface name");
  expect(() => parse("back", { back: set("net.ipv4.conf.IFNAME.rp_filter=0") })).not.toThrow();
  expect(() => parse("back", { back: set("net.ipv4.conf.eth0.rp_filter=0") })).toThrow(
    "unrecognised network interface sysctl 'net.ipv4.conf.eth0.rp_filter=0'",
  );
});
