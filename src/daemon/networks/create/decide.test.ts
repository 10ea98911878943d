import { expect, test } from "bun:test";
import { prefixOf } from "../address.ts";
import { dockerPools, uniqueLocalPool } from "../ipam/default-pools.ts";
import type { Network } from "../network.ts";
import { sampleNetwork } from "../sample.ts";
import { type CreateSurroundings, decideNetwork } from "./decide.ts";
import { type NetworkRequest, parseNetworkRequest } from "./request.ts";

const id = "0123456789ab".padEnd(64, "0");
const around = (changes: Partial<CreateSurroundings> = {}): CreateSurroundings => ({
  ...{ now: "2026-01-01T00:00:00Z", networks: [], routes: [], defaultOptions: {} },
  defaultPools: [...dockerPools, uniqueLocalPool("engine")],
  ...changes,
});
const decide = (
  body: Record<string, unknown>,
  changes: Partial<CreateSurroundings> = {},
): Network => decideNetwork(id, parseNetworkRequest({ Name: "net", ...body }), around(changes));
const pools = (body: Record<string, unknown>, changes: Partial<CreateSurroundings> = {}) =>
  decide(body, changes).pools;

const other = (subnet: string, changes: Partial<Network> = {}): Network =>
  sampleNetwork([{ subnet }], { id: "e".repeat(64), name: "other", ...changes });

test("a request that says nothing but a name gets a bridge with the first free IPv4 subnet", () => {
  expect(decide({})).toEqual({
    ...{ id, name: "net", createdAt: "2026-01-01T00:00:00Z", driver: "bridge" },
    ...{ enableIpv4: true, enableIpv6: false, internal: false, attachable: false },
    ...{ configOnly: false, configFrom: "", options: {}, labels: {} },
    ...{ ipamDriver: "default", ipamOptions: null },
    pools: [
      {
        subnet: "172.17.0.0/16",
        range: null,
        gateway: "172.17.0.1",
        auxiliary: {},
        isConfigured: false,
      },
    ],
  });
});

test("other networks and routes of the host are avoided", () => {
  const changes = { networks: [other("172.17.0.0/16")], routes: [prefixOf("172.18.3.0/24")] };
  expect(pools({}, changes)[0]?.subnet).toBe("172.19.0.0/16");
});

test("IPv6 is a local subnet of 64 bits, or what was asked for", () => {
  const [, second] = pools({ EnableIPv6: true });
  expect(second).toMatchObject({
    subnet: expect.stringMatching(/^fd.*::\/64$/),
    gateway: expect.stringMatching(/^fd.*::1$/),
  });
  const asked = {
    EnableIPv6: true,
    EnableIPv4: false,
    IPAM: { Config: [{ Subnet: "2001:db8::/56" }] },
  };
  expect(pools(asked)).toEqual([
    {
      subnet: "2001:db8::/56",
      range: null,
      gateway: "2001:db8::1",
      auxiliary: {},
      isConfigured: true,
    },
  ]);
});

test("an IPv6 subnet on a network without IPv6 is left out", () => {
  const Config = [{ Subnet: "10.0.0.0/24" }, { Subnet: "fd00::/64" }];
  expect(pools({ IPAM: { Config } }).map(({ subnet }) => subnet)).toEqual(["10.0.0.0/24"]);
});

test.each<[object, object]>([
  [{ Gateway: "10.0.0.9" }, { gateway: "10.0.0.9" }],
  [{ IPRange: "10.0.0.64/26" }, { gateway: "10.0.0.64", range: "10.0.0.64/26" }],
  [
    { AuxiliaryAddresses: { a: "10.0.0.1" } },
    { gateway: "10.0.0.2", auxiliary: { a: "10.0.0.1" } },
  ],
])("the pool 10.0.0.0/24 with %j has %j", (asked, expected) => {
  const Config = [{ Subnet: "10.0.0.0/24", ...asked }];
  expect(pools({ IPAM: { Config } })[0]).toMatchObject(expected);
});

test("a subnet without address asks for one of that size", () => {
  const Config = [{ Subnet: "0.0.0.0/24" }];
  expect(pools({ IPAM: { Config } }, { networks: [other("172.17.0.0/24")] })[0]?.subnet).toBe(
    "172.17.1.0/24",
  );
});

test("a network that nothing leaves by the host needs no gateway", () => {
  const isolated = {
    Internal: true,
    Options: { "com.docker.network.bridge.gateway_mode_ipv4": "isolated" },
  };
  expect(pools(isolated)[0]?.gateway).toBeNull();
  expect(pools({ Driver: "macvlan" })[0]?.gateway).toBeNull();
  const macvlan = { Driver: "macvlan", Options: { parent: "eth0" } };
  expect(pools(macvlan)[0]?.gateway).toBe("172.17.0.1");
  expect(
    pools({ Driver: "ipvlan", Options: { parent: "eth0", ipvlan_mode: "l3" } })[0]?.gateway,
  ).toBeNull();
});

test("options that the daemon presets are taken where the request has none", () => {
  const defaultOptions = { bridge: { "com.docker.network.driver.mtu": "1400", x: "1" } };
  expect(decide({ Options: { x: "2" } }, { defaultOptions }).options).toEqual({
    ...{ "com.docker.network.driver.mtu": "1400", x: "2" },
  });
  const ipv6 = { bridge: { "com.docker.network.enable_ipv6": "true" } };
  expect(decide({}, { defaultOptions: ipv6 }).enableIpv6).toBe(true);
  expect(decide({ EnableIPv6: false }, { defaultOptions: ipv6 })).toMatchObject({
    ...{ enableIpv6: false, options: {} },
  });
});

test("a network takes over what its configuration network has", () => {
  const IPAM = { Config: [{ Subnet: "10.9.0.0/24", Gateway: "10.9.0.7" }] };
  const template = decide({
    ConfigOnly: true,
    Name: "cfg",
    IPAM,
    Labels: { a: "1" },
    Options: { parent: "eth0" },
  });
  expect(template).toMatchObject({
    driver: "null",
    configOnly: true,
    pools: [{ gateway: "10.9.0.7" }],
  });
  const from = { Driver: "macvlan", ConfigFrom: { Network: "cfg" } };
  expect(decide(from, { networks: [template] })).toMatchObject({
    ...{ driver: "macvlan", configFrom: "cfg", labels: { a: "1" }, options: { parent: "eth0" } },
    pools: [{ subnet: "10.9.0.0/24", gateway: "10.9.0.7" }],
  });
  expect(() => decide({ ...from, Labels: { b: "2" } }, { networks: [template] })).toThrow(
    "user-specified configurations are not supported",
  );
  expect(() => decide({ ...from, Options: { b: "2" } }, { networks: [template] })).toThrow(
    "network driver options are not supported",
  );
  expect(() => decide({ ...from, ConfigOnly: true }, { networks: [template] })).toThrow(
    "a configuration network cannot depend on another configuration network",
  );
  expect(() => decide(from)).toThrow('configuration network "cfg" does not exist');
});

const bridgeName = "com.docker.network.bridge.name";

test.each<[Record<string, unknown>, string, string]>([
  [{ Name: " " }, "invalid_argument", "invalid name: name is empty"],
  [{ Name: "__proto__" }, "invalid_argument", "invalid name: __proto__ is reserved"],
  [{ Name: "default" }, "forbidden", "operation is not permitted on predefined default network"],
  [{ Name: "other" }, "conflict", "network with name other already exists"],
  [{ ConfigOnly: true, Internal: true }, "forbidden", "configuration network can only contain"],
  [{ Ingress: true }, "forbidden", "Ingress network can only be global scope network"],
  [{ Scope: "swarm" }, "forbidden", "cannot create a swarm scoped network"],
  [{ Driver: "overlay" }, "forbidden", "This node is not a swarm manager"],
  [{ Driver: "null" }, "forbidden", 'only one instance of "null" network is allowed'],
  [{ IPAM: { Driver: "dhcp" } }, "not_found", "could not find plugin dhcp"],
  [{ IPAM: { Driver: "null" } }, "invalid_argument", "ipv4 pool is empty"],
  [
    {
      Driver: "macvlan",
      EnableIPv4: false,
      IPAM: { Driver: "null", Config: [{ Subnet: "10.0.0.0/8" }] },
    },
    ...(["invalid_argument", "null ipam driver does not handle specific address pool"] as const),
  ],
  [
    { IPAM: { Config: [{ Subnet: "10.0.0.0/24" }, { Subnet: "10.0.1.0/24" }] } },
    ...(["forbidden", "bridge driver doesn't support multiple subnets"] as const),
  ],
  [
    { IPAM: { Config: [{ Subnet: "172.17.128.0/17" }] } },
    ...(["forbidden", "invalid pool request: Pool overlaps with other one"] as const),
  ],
  [
    { IPAM: { Config: [{ Subnet: "0.0.0.0/24", Gateway: "0.0.0.1" }] } },
    ...(["invalid_argument", "172.18.0.0/24 doesn't contain this address"] as const),
  ],
  [
    { IPAM: { Config: [{ Subnet: "0.0.0.0/24", IPRange: "0.0.0.128/25" }] } },
    ...(["invalid_argument", "172.18.0.0/24 doesn't contain ip-range"] as const),
  ],
  [
    { IPAM: { Config: [{ Subnet: "172.17.0.0/16", IPRange: "172.17.9.0/24" }] } },
    ...(["forbidden", "networks have overlapping IPv4"] as const),
  ],
  [
    { IPAM: { Config: [{ Subnet: "10.0.0.0/24", Gateway: "10.0.0.255" }] } },
    ...([
      "invalid_argument",
      "failed to allocate gateway (10.0.0.255): Address already in use",
    ] as const),
  ],
  [
    {
      IPAM: {
        Config: [
          { Subnet: "10.0.0.0/24", Gateway: "10.0.0.2", AuxiliaryAddresses: { a: "10.0.0.2" } },
        ],
      },
    },
    ...(["invalid_argument", "failed to allocate secondary ip address (a:10.0.0.2)"] as const),
  ],
  [
    { EnableIPv6: true, IPAM: { Config: [{ Subnet: "ff02::/64" }] } },
    ...(["invalid_argument", "multicast subnet 'ff02::/64' is not allowed"] as const),
  ],
  [
    { IPAM: { Config: [{ Subnet: "127.8.0.0/16" }] } },
    ...(["invalid_argument", "loopback subnet '127.8.0.0/16' is not allowed"] as const),
  ],
  [
    { IPAM: { Config: [{ Subnet: "230.0.0.0/24" }] } },
    ...(["invalid_argument", "multicast subnet '230.0.0.0/24' is not allowed"] as const),
  ],
  [
    { EnableIPv6: true, IPAM: { Config: [{ Subnet: "::ffff:10.0.0.0/104" }] } },
    ...(["invalid_argument", "IPv4-mapped subnet"] as const),
  ],
  [
    { EnableIPv6: true, IPAM: { Config: [{ Subnet: "fe80::/80" }] } },
    ...(["invalid_argument", "clashes with the Link-Local prefix"] as const),
  ],
  [{ Options: { [bridgeName]: "taken0" } }, "forbidden", "networks have same bridge name"],
  [
    { Options: { "com.docker.network.bridge.gateway_mode_ipv4": "isolated" } },
    ...(["invalid_argument", "can only be used for an internal network"] as const),
  ],
])("%j is refused as %s", (body, code, words) => {
  const networks = [other("172.17.0.0/16", { options: { [bridgeName]: "taken0" } })];
  expect(() => decide(body, { networks })).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(words) }),
  );
});

test("networks on a wire may share it, and its subnet by parts", () => {
  const wire = (
    Options: object,
    IPRange: string,
  ): Partial<NetworkRequest> & Record<string, unknown> => ({
    ...{ Driver: "macvlan", Options },
    IPAM: { Config: [{ Subnet: "10.0.0.0/24", IPRange }] },
  });
  const first = { ...decide(wire({ parent: "eth0" }, "10.0.0.0/25")), name: "first" };
  const networks = [first];
  expect(decide(wire({ parent: "eth0" }, "10.0.0.128/25"), { networks }).driver).toBe("macvlan");
  expect(() =>
    decide(wire({ parent: "eth0", macvlan_mode: "passthru" }, "10.0.0.128/25"), { networks }),
  ).toThrow("cannot use mode passthru");
  const ipvlan = { ...decide({ Driver: "ipvlan", Options: { parent: "eth1" } }), name: "second" };
  expect(() =>
    decide({ Driver: "ipvlan", Options: { parent: "eth1" } }, { networks: [ipvlan] }),
  ).toThrow("is already using parent interface eth1");
});
