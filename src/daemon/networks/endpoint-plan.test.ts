import { expect, test } from "bun:test";
import { plainAttachment } from "./attachment.ts";
import { planEndpoint } from "./endpoint-plan.ts";
import { chooseMac } from "./mac.ts";
import type { Endpoint, Network } from "./network.ts";

const network = { name: "n", driver: "bridge", enableIpv6: true, options: {} } as Network;
const endpoint: Endpoint = {
  networkId: "n",
  endpointId: "e",
  interface: "eth1",
  hostInterface: "vethe",
  address: "10.0.0.2",
  prefixLength: 24,
  gateway: "10.0.0.1",
  address6: "fd00::2",
  prefixLength6: 64,
  gateway6: "fd00::1",
  macAddress: "02:42:0a:00:00:02",
  isGateway: { ipv4: true, ipv6: false },
};

test("an interface has its addresses, and the gateways that are the way out", () => {
  const attachment = plainAttachment({ linkLocal: ["169.254.3.4", "fe80::7"] });
  expect(planEndpoint(network, attachment, endpoint, "br-n")).toEqual({
    link: { kind: "bridge", bridge: "br-n", hostInterface: "vethe", isolated: false },
    interface: "eth1",
    addresses: ["10.0.0.2/24", "fd00::2/64", "169.254.3.4/16", "fe80::7/64"],
    gateways: ["10.0.0.1"],
    mac: "02:42:0a:00:00:02",
    ipv6: true,
    sysctls: {},
  });
});

test("settings of the kernel are those of the interface that it becomes", () => {
  const attachment = plainAttachment({
    driverOptions: {
      "com.docker.network.endpoint.sysctls":
        "net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.ifname.accept_ra=2",
    },
  });
  expect(planEndpoint(network, attachment, endpoint, "br-n")?.sysctls).toEqual({
    "net.ipv4.conf.eth1.log_martians": "1",
    "net.ipv6.conf.eth1.accept_ra": "2",
  });
});

test("without icc a container is out of its neighbours' reach", () => {
  const options = { "com.docker.network.bridge.enable_icc": "false" };
  const plan = planEndpoint({ ...network, options }, plainAttachment(), endpoint, "br-n");
  expect(plan?.link).toMatchObject({ isolated: true });
});

test("an ipvlan of the third layer needs no router", () => {
  const options = { ipvlan_mode: "l3", "com.docker.network.driver.mtu": "1400" };
  const ipvlan = { ...network, driver: "ipvlan" as const, options };
  const plan = planEndpoint(ipvlan, plainAttachment(), endpoint, "eth0");
  expect(plan?.link).toEqual({
    ...{ kind: "ipvlan", parent: "eth0", mode: "l3", flag: "bridge", mtu: 1400 },
  });
  expect(plan?.gateways).toEqual(["0.0.0.0"]);
});

test("host and none have no interface", () => {
  for (const driver of ["host", "null"] as const)
    expect(planEndpoint({ ...network, driver }, plainAttachment(), endpoint, "")).toBeNull();
});

test("a MAC address follows from the IPv4 address, without one from the IPv6 address", () => {
  const ipv4 = { address: "172.17.0.2", address6: "fd00::2", endpointId: "e" };
  expect(chooseMac("", ipv4)).toBe("02:42:ac:11:00:02");
  const ipv6 = { address: "", address6: "fd00::2", endpointId: "e" };
  expect(chooseMac("", ipv6)).toMatch(/^02:42(:[0-9a-f]{2}){4}$/);
  expect(chooseMac("", ipv6)).not.toBe(chooseMac("", { ...ipv6, address6: "fd00::3" }));
  const unmanaged = { address: "", address6: "", endpointId: "e" };
  expect(chooseMac("", unmanaged)).not.toBe(chooseMac("", { ...unmanaged, endpointId: "f" }));
  expect(chooseMac("02:00:00:00:00:01", ipv4)).toBe("02:00:00:00:00:01");
});
