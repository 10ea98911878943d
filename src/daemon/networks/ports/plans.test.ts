import { describe, expect, test } from "bun:test";
import type { PortPlan } from "../../../native-types/net.ts";
import { buildPortPlans, keepNumbers, listPorts, planDirect, planReturn } from "./plans.ts";
import { formatPort } from "./port.ts";
import type { Reach } from "./reach.ts";

const ipv4 = { container: "172.17.0.2", host: "0.0.0.0", routed: false };
const ipv6 = { container: "fd00::2", host: "::", routed: false };
const both: Reach = { ipv4, ipv6 };
const only4: Reach = { ipv4, ipv6: undefined };
const any4 = { hostAddress: "0.0.0.0", containerAddress: "172.17.0.2" };
const any6 = { hostAddress: "::", containerAddress: "fd00::2" };
const bind = (HostPort: string, HostIp = "") => ({ HostIp, HostPort });
const none = { exposed: [], all: false };

test("a binding without an address goes to both families of the container at one number", () => {
  expect(buildPortPlans({ ...none, bindings: { "80/tcp": [bind("8080")] } }, both)).toEqual([
    {
      protocol: "tcp",
      hostPorts: [8080, 8080],
      containerPort: 80,
      at: [any4, any6],
      direct: false,
    },
  ]);
  const plans = buildPortPlans({ ...none, bindings: { "53/udp": [bind("")] } }, only4);
  expect(plans).toEqual([
    { protocol: "udp", hostPorts: [0, 0], containerPort: 53, at: [any4], direct: false },
  ]);
});

test("an address stands for its own family, and for nothing where the container has it not", () => {
  const bindings = { "80/tcp": [bind("8080", "::1")] };
  expect(buildPortPlans({ ...none, bindings }, only4)).toEqual([]);
  expect(buildPortPlans({ ...none, bindings }, both)[0]?.at).toEqual([
    { hostAddress: "::1", containerAddress: "fd00::2" },
  ]);
  const wide = { "80/tcp": [bind("8080", "0.0.0.0")] };
  expect(buildPortPlans({ ...none, bindings: wide }, both)[0]?.at).toEqual([any4]);
});

test("bindings that differ in their address get one number, equal ones get two", () => {
  const addresses = [bind("", "127.0.0.1"), bind("", "192.0.2.1"), bind("8080"), bind("8080")];
  const plans = buildPortPlans({ ...none, bindings: { "80/tcp": addresses } }, only4);
  expect(plans.map(({ hostPorts, at }) => [hostPorts[0], at.length])).toEqual([
    [0, 2],
    [8080, 1],
    [8080, 1],
  ]);
});

test("publishing all takes every exposed port that has no binding of its own", () => {
  const exposed = ["8000-8001/tcp", "80/tcp", "53/udp", "nonsense"];
  const wishes = { exposed, bindings: { "80/tcp": [bind("8080")] } };
  const plans = buildPortPlans({ ...wishes, all: true }, only4);
  expect(
    plans.map((plan) => `${plan.hostPorts[0]}:${plan.containerPort}/${plan.protocol}`),
  ).toEqual(["0:53/udp", "8080:80/tcp", "0:8000/tcp", "0:8001/tcp"]);
  expect(buildPortPlans({ ...wishes, all: false }, only4)).toHaveLength(1);
});

test("ranges that overlap cost no more than the ports in them", () => {
  const exposed = Array.from({ length: 20_000 }, (_, index) => `${index + 1}-65535/tcp`);
  const shown = listPorts({ exposed: [...exposed, "7-9/udp"], bindings: { "70/tcp": [] } });
  expect(shown).toHaveLength(65_535 + 3);
  expect(shown.slice(5, 9).map(formatPort)).toEqual(["6/tcp", "7/tcp", "7/udp", "8/tcp"]);
});

test("a port that is bound ten thousand times is planned as often", () => {
  const many = Array.from({ length: 10_000 }, () => bind(""));
  const plans = buildPortPlans({ ...none, bindings: { "80/tcp": [...many, bind("8080")] } }, both);
  expect(plans).toHaveLength(10_001);
  expect(plans[9_999]?.at).toEqual([any4, any6]);
});

test("nothing is published where the container is reached by nothing", () => {
  const nowhere: Reach = { ipv4: undefined, ipv6: undefined };
  expect(buildPortPlans({ ...none, bindings: { "80/tcp": [bind("8080")] } }, nowhere)).toEqual([]);
});

test("ports that move keep the numbers that were chosen for them", () => {
  const plan = (containerPort: number, hostPorts: [number, number]): PortPlan => ({
    ...{ protocol: "tcp", containerPort, hostPorts, at: [], direct: false },
  });
  const published = {
    "80/tcp": [
      { HostIp: "0.0.0.0", HostPort: "32768" },
      { HostIp: "::", HostPort: "32768" },
      { HostIp: "127.0.0.1", HostPort: "8003" },
    ],
  };
  const plans = [plan(80, [8000, 8010]), plan(80, [0, 0]), plan(80, [0, 0]), plan(81, [0, 0])];
  expect(keepNumbers(plans, published).map(({ hostPorts }) => hostPorts)).toEqual([
    [8003, 8003],
    [32768, 32768],
    [0, 0],
    [0, 0],
  ]);
});

test("the way back leaves alone what is as it was", () => {
  const at = (hostPort: number, containerAddress = "10.0.0.2") => ({
    ...({ protocol: "udp", hostAddress: "0.0.0.0", hostPort } as const),
    ...{ containerAddress, containerPort: 53 },
  });
  const { remove, add } = planReturn([at(1), at(2)], [at(1), at(2, "10.0.0.3"), at(3)]);
  expect(remove).toEqual([at(2)]);
  const plan = (port: number, containerAddress: string): PortPlan => ({
    ...{ protocol: "udp", hostPorts: [port, port], containerPort: 53, direct: false },
    at: [{ hostAddress: "0.0.0.0", containerAddress }],
  });
  expect(add).toEqual([plan(2, "10.0.0.3"), plan(3, "10.0.0.2")]);
});

describe("of a routed family", () => {
  const half: Reach = { ipv4, ipv6: { ...ipv6, routed: true } };
  const opened = (containerPort: number, at = [any6]): PortPlan => ({
    ...{ protocol: "tcp", hostPorts: [0, 0], containerPort, at, direct: true },
  });

  test("a port is opened once, whatever of the host was asked for, and takes no number", () => {
    const bindings = { "80/tcp": [bind("8080"), bind("8081", "::1"), bind("8082", "127.0.0.1")] };
    const plans = buildPortPlans({ ...none, bindings }, half);
    expect(plans.map(({ hostPorts, at }) => [hostPorts[0], at])).toEqual([
      [8080, [any4]],
      [8082, [{ ...any4, hostAddress: "127.0.0.1" }]],
      [0, [any6]],
    ]);
    expect(plans[2]).toEqual(opened(80));
    expect(keepNumbers(plans, { "80/tcp": [{ HostIp: "::", HostPort: "" }] })).toEqual(plans);
  });

  test("what is open follows from the wishes", () => {
    const open = (containerPort: number) => ({
      ...({ protocol: "tcp", ...any6, hostPort: 0, containerPort } as const),
    });
    const chosen = { ...open(80), ...any4, hostPort: 8080 };
    const bindings = { "80/tcp": [bind("8080")], "81/tcp": [bind("8081")] };
    expect(planDirect({ ...none, bindings }, half, [open(80), chosen, open(82)])).toEqual({
      remove: [open(82)],
      add: [opened(81)],
    });
  });
});
