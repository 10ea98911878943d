import { expect, test } from "bun:test";
import { type NetworkFile, type NetworkFlags, readNetworkConfig } from "./settings.ts";

const read = (flags: Partial<NetworkFlags>, file: NetworkFile = {}) =>
  readNetworkConfig({ defaultAddressPools: [], defaultNetworkOptions: [], ...flags }, file);

test("without flags and file networks are as Docker's", () => {
  const chosen = { bip: null, fixedCidr: null, gateway: null };
  expect(read({})).toEqual({
    ...{ addresses4: chosen, addresses6: chosen, defaultPools: [], defaultOptions: {} },
    ...{ mtu: 1500, ipv6: false, icc: true, hostBinding: "", masquerade: true, forwarding: true },
    publishPolicy: "docker",
    pool: 8,
  });
});

test("flags win over the file, lists are joined", () => {
  const config = read(
    {
      ...{ bip: "10.7.0.1/24", icc: false, mtu: 1400 },
      defaultAddressPools: ["base=10.10.0.0/16,size=24"],
      defaultNetworkOptions: ["bridge=com.docker.network.driver.mtu=1300"],
    },
    {
      ...{ bip: "10.8.0.1/24", ipv6: true, ip: "10.0.0.4", "ip-masq": false, "ip-forward": false },
      "default-address-pools": [{ base: "10.9.0.0/16", size: 26 }],
      "default-network-opts": {
        bridge: { "com.docker.network.driver.mtu": "1200" },
        macvlan: { parent: "eth0" },
      },
    },
  );
  expect(config).toMatchObject({
    ...{ addresses4: { bip: "10.7.0.1/24" }, icc: false, mtu: 1400, ipv6: true },
    ...{ hostBinding: "10.0.0.4", masquerade: false, forwarding: false },
    defaultPools: [{ size: 26 }, { size: 24 }],
    defaultOptions: {
      bridge: { "com.docker.network.driver.mtu": "1300" },
      macvlan: { parent: "eth0" },
    },
  });
});

test.each<[Partial<NetworkFlags>, string]>([
  [{ bip: "10.7.0.0/24" }, 'invalid bridge address "10.7.0.0/24" for --bip'],
  [{ bip: "10.7.0.1" }, "give one such as 172.17.0.1/16"],
  [{ bip: "10.7.0.1/31" }, "invalid bridge address"],
  [{ bip: "fd00::1/64" }, "invalid bridge address"],
  [{ bip6: "10.7.0.1/24" }, "give one such as fd00:17::1/64"],
  [{ fixedCidr: "10.7" }, "give an IPv4 subnet"],
  [{ fixedCidrV6: "10.7.0.0/16" }, "give an IPv6 subnet"],
  [{ bip: "10.7.0.1/24", fixedCidr: "10.8.0.0/25" }, "it is no part of the bridge's subnet"],
  [{ bip: "10.7.0.1/24", fixedCidr: "10.7.0.0/16" }, "it is no part of the bridge's subnet"],
  [{ defaultGateway: "fd00::1" }, "give an IPv4 address"],
  [{ bip: "10.7.0.1/24", defaultGateway: "10.8.0.1" }, "must be part of the network"],
  [{ mtu: 20 }, "give a number of bytes from 68 to 65535"],
  [{ pool: -1 }, "give a number from 0 to 64"],
  [{ mtu: 70000 }, "give a number of bytes"],
  [{ ip: "host" }, "give an IPv4 address of this host"],
  [{ defaultAddressPools: ["10.0.0.0/8"] }, "give base=SUBNET,size=LENGTH"],
  [{ defaultAddressPools: ["base=10.0.0.0/8,size=x"] }, "give base=SUBNET,size=LENGTH"],
  [{ defaultAddressPools: ["base=10.0.0.0/8,size=4"] }, "larger than its base"],
  [{ defaultNetworkOptions: ["bridge"] }, "give DRIVER=OPTION=VALUE"],
  [{ defaultNetworkOptions: ["bridge=mtu"] }, "give DRIVER=OPTION=VALUE"],
  [{ defaultNetworkOptions: ["host=a=b"] }, "its networks have no options"],
  [{ defaultNetworkOptions: ["constructor=a=b"] }, "its networks have no options"],
  [
    { defaultNetworkOptions: ["bridge=com.docker.network.driver.mtu=x"] },
    "failed to parse com.docker.network.driver.mtu value: x",
  ],
])("%j is refused", (flags, words) => {
  expect(() => read(flags)).toThrow(words);
});

test("readNetworkConfig takes a publish policy from flag or file, and refuses others", () => {
  const none = { defaultAddressPools: [], defaultNetworkOptions: [] };
  const policy = (flag: string | undefined, file: string | undefined) =>
    readNetworkConfig(
      { ...none, ...(flag === undefined ? {} : { publishPolicy: flag }) },
      file === undefined ? {} : { "publish-policy": file },
    ).publishPolicy;
  expect(policy(undefined, "respect-firewall")).toBe("respect-firewall");
  expect(policy("docker", "respect-firewall")).toBe("docker");
  expect(() => policy("open", undefined)).toThrow('give "docker" or "respect-firewall"');
});
