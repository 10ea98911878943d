import type { PortAddress, PortPlan, PublishedPort } from "../../../native-types/net.ts";
import type { PortMap } from "../network.ts";
import {
  formatPort,
  type Port,
  type PortRange,
  parseHostPorts,
  parsePort,
  parsePortRange,
} from "./port.ts";
import type { Gate, Reach } from "./reach.ts";

/** What a container wants of its ports. */
export interface PortWishes {
  /** HostConfig.PortBindings */
  bindings: PortMap;
  /** Names in Config.ExposedPorts, the image's among them. */
  exposed: string[];
  /** Each exposed port that has no binding is to get one. */
  all: boolean;
}

/** Ports that a container shows, published or not, each once and in order. */
export function listPorts({ bindings, exposed }: Omit<PortWishes, "all">): Port[] {
  const ranges = [
    ...Object.keys(bindings).map(parsePortRange),
    ...exposed.flatMap((name) => parsedOrNone(name)),
  ].sort((a, b) => a.first - b.first);
  const ports: Port[] = [];
  // Ranges that overlap must not cost more than the ports that there are: an image may have any number of them.
  const next = { tcp: 0, udp: 0, sctp: 0 };
  for (const { first, last, protocol } of ranges) {
    for (let number = Math.max(first, next[protocol]); number <= last; number++)
      ports.push({ number, protocol });
    next[protocol] = Math.max(next[protocol], last + 1);
  }
  return ports.sort(inOrder);
}

function inOrder(a: Port, b: Port): number {
  return a.number - b.number || (a.protocol < b.protocol ? -1 : 1);
}

/** What is to be published, where the container can be reached at all. */
export function buildPortPlans(wishes: PortWishes, reach: Reach): PortPlan[] {
  // Most bindings name the same address, or none.
  const known = new Map<string, Places>();
  const placesAt = (hostIp: string): Places => {
    const places = known.get(hostIp) ?? placesOf(hostIp, reach);
    known.set(hostIp, places);
    return places;
  };
  return listBindings(wishes).flatMap(([port, bindings]) => planPort(port, bindings, placesAt));
}

/** Each port that is to be published, in order, and at what. The names of bindings are in one spelling here. */
function listBindings({ bindings, exposed, all }: PortWishes): [Port, PortMap[string]][] {
  if (all) {
    return listPorts({ bindings, exposed }).map((port) => {
      const own = bindings[formatPort(port)] ?? [];
      return [port, own.length > 0 ? own : [{ HostIp: "", HostPort: "" }]];
    });
  }
  const bound = Object.entries(bindings).map(([name, own]): [Port, PortMap[string]] => [
    parsePort(name),
    own,
  ]);
  return bound.sort(([a], [b]) => inOrder(a, b));
}

/** Where the choice of a number is ours it is one that the container's port has, as far as they go. */
export function keepNumbers(plans: PortPlan[], published: PortMap): PortPlan[] {
  const left = new Map(
    Object.entries(published).map(([name, bindings]) => [
      name,
      new Set(bindings.map(({ HostPort }) => Number(HostPort)).filter((number) => number > 0)),
    ]),
  );
  return plans.map((plan) => {
    if (plan.direct) return plan;
    const [first, last] = plan.hostPorts;
    const known = left.get(formatPort({ number: plan.containerPort, protocol: plan.protocol }));
    const isOurs = (number: number): boolean => first === 0 || (number >= first && number <= last);
    const number = [...(known ?? [])].find(isOurs);
    if (number === undefined) return plan;
    known?.delete(number);
    return { ...plan, hostPorts: [number, number] };
  });
}

/** The way back, from what is published now to what was before: each port at its own number. */
export function planReturn(
  now: readonly PublishedPort[],
  before: readonly PublishedPort[],
): { remove: PublishedPort[]; add: PortPlan[] } {
  const add = without(before, now).map(
    ({ protocol, containerPort, hostPort, hostAddress, containerAddress }): PortPlan => ({
      ...{ protocol, containerPort, hostPorts: [hostPort, hostPort], direct: hostPort === 0 },
      at: [{ hostAddress, containerAddress }],
    }),
  );
  return { remove: without(now, before), add };
}

/** What a change makes of the ports that are reached directly: which those are follows from the wishes alone. */
export function planDirect(
  wishes: PortWishes,
  reach: Reach,
  published: readonly PublishedPort[],
): { remove: PublishedPort[]; add: PortPlan[] } {
  const wanted = buildPortPlans(wishes, reach)
    .filter(({ direct }) => direct)
    .flatMap(({ protocol, containerPort, at }) =>
      at.map((each): PublishedPort => ({ protocol, containerPort, ...each, hostPort: 0 })),
    );
  const open = published.filter(({ hostPort }) => hostPort === 0);
  return planReturn(open, wanted);
}

function without(some: readonly PublishedPort[], others: readonly PublishedPort[]) {
  const known = new Set(others.map(keyOf));
  return some.filter((port) => !known.has(keyOf(port)));
}

function keyOf(port: PublishedPort): string {
  return `${port.protocol} ${port.hostAddress} ${port.hostPort} ${port.containerAddress} ${port.containerPort}`;
}

/**
 * Bindings that differ in their address alone become one plan, so that they get one number; the same binding
 * twice asks for two numbers.
 */
function planPort(
  port: Port,
  bindings: PortMap[string],
  placesAt: (hostIp: string) => Places,
): PortPlan[] {
  const own = { protocol: port.protocol, containerPort: port.number };
  const plans = new Map<string, PortPlan>();
  const timesAsked = new Map<string, number>();
  const opened = new Map<string, PortAddress>();
  for (const { HostIp, HostPort } of bindings) {
    const { direct, at } = placesAt(HostIp);
    for (const place of direct) opened.set(place.hostAddress, place);
    if (at.length === 0) continue;
    const hostPorts = parseHostPorts(HostPort);
    const range = hostPorts.join("-");
    const asked = at.map(({ hostAddress }) => `${range} ${hostAddress}`);
    const times = Math.max(...asked.map((each) => timesAsked.get(each) ?? 0));
    for (const each of asked) timesAsked.set(each, times + 1);
    const plan = plans.get(`${range} ${times}`);
    if (plan !== undefined) plan.at.push(...at);
    else plans.set(`${range} ${times}`, { ...own, hostPorts, at: [...at], direct: false });
  }
  const at = [...opened.values()];
  const direct: PortPlan[] =
    at.length === 0 ? [] : [{ ...own, hostPorts: [0, 0], at, direct: true }];
  return [...plans.values(), ...direct];
}

/** Where a binding is published, by way of the host and at the container's own address. */
type Places = Record<"at" | "direct", readonly PortAddress[]>;

/** As Docker: an address stands for its own family, no address for both that the container has. */
function placesOf(hostIp: string, { ipv4, ipv6 }: Reach): Places {
  // Addresses are in one spelling here.
  const isSix = hostIp.includes(":");
  const host4 = hostIp === "" ? ipv4?.host : isSix ? undefined : hostIp;
  const host6 = hostIp === "" ? ipv6?.host : isSix ? hostIp : undefined;
  const places = [placeOf(ipv4, host4, "0.0.0.0"), placeOf(ipv6, host6, "::")].flat();
  const [at, direct] = [false, true].map((routed) =>
    places.filter((place) => place.routed === routed).map(({ address }) => address),
  );
  return { at: at ?? [], direct: direct ?? [] };
}

/** Where the host leads nowhere its address says no more than the family. */
function placeOf(gate: Gate | undefined, host: string | undefined, every: string) {
  if (gate === undefined || host === undefined) return [];
  const { container: containerAddress, routed } = gate;
  return [{ routed, address: { hostAddress: routed ? every : host, containerAddress } }];
}

/** An image may expose what is no port. */
function parsedOrNone(text: string): PortRange[] {
  try {
    return [parsePortRange(text)];
  } catch {
    return [];
  }
}
