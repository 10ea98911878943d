import type { PortAddress, PortPlan, PublishedPort } from "../../../native-types/net.ts";
import type { PortMap } from "../network.ts";
import { formatPort, type Port, type PortRange, parseHostPorts, parsePortRange } from "./port.ts";
import type { Reach } from "./reach.ts";

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
  return ports.sort((a, b) => a.number - b.number || (a.protocol < b.protocol ? -1 : 1));
}

/** What is to be published, where the container can be reached at all. */
export function buildPortPlans(wishes: PortWishes, reach: Reach): PortPlan[] {
  return listPorts(wishes).flatMap((port) => {
    const asked = wishes.bindings[formatPort(port)] ?? [];
    const bindings = asked.length === 0 && wishes.all ? [{ HostIp: "", HostPort: "" }] : asked;
    return planPort(port, bindings, reach);
  });
}

/** Where the choice of a number is ours it is one that the container's port has, as far as they go. */
export function keepNumbers(plans: PortPlan[], published: PortMap): PortPlan[] {
  const left = new Map(
    Object.entries(published).map(([name, bindings]) => [
      name,
      new Set(bindings.map(({ HostPort }) => Number(HostPort))),
    ]),
  );
  return plans.map((plan) => {
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
  const without = (some: readonly PublishedPort[], others: readonly PublishedPort[]) =>
    some.filter((one) => !others.some((other) => Bun.deepEquals(one, other)));
  const add = without(before, now).map(
    ({ protocol, containerPort, hostPort, hostAddress, containerAddress }): PortPlan => ({
      ...{ protocol, containerPort, hostPorts: [hostPort, hostPort] },
      at: [{ hostAddress, containerAddress }],
    }),
  );
  return { remove: without(now, before), add };
}

/**
 * Bindings that differ in their address alone become one plan, so that they get one number; the same binding
 * twice asks for two numbers.
 */
function planPort(port: Port, bindings: PortMap[string], reach: Reach): PortPlan[] {
  const plans = new Map<string, PortPlan>();
  const timesAsked = new Map<string, number>();
  for (const { HostIp, HostPort } of bindings) {
    const at = placesOf(HostIp, reach);
    if (at.length === 0) continue;
    const hostPorts = parseHostPorts(HostPort);
    const asked = at.map(({ hostAddress }) => `${hostPorts} ${hostAddress}`);
    const times = Math.max(...asked.map((each) => timesAsked.get(each) ?? 0));
    for (const each of asked) timesAsked.set(each, times + 1);
    const plan = plans.get(`${hostPorts} ${times}`);
    if (plan !== undefined) plan.at.push(...at);
    else {
      const own = { protocol: port.protocol, hostPorts, containerPort: port.number, at };
      plans.set(`${hostPorts} ${times}`, own);
    }
  }
  return [...plans.values()];
}

/** As Docker: an address stands for its own family, no address for both that the container has. */
function placesOf(hostIp: string, { ipv4, ipv6 }: Reach): PortAddress[] {
  const places: PortAddress[] = [];
  // Addresses are in one spelling here.
  const isSix = hostIp.includes(":");
  const host4 = hostIp === "" ? ipv4?.host : isSix ? undefined : hostIp;
  const host6 = hostIp === "" ? ipv6?.host : isSix ? hostIp : undefined;
  if (ipv4 !== undefined && host4 !== undefined)
    places.push({ hostAddress: host4, containerAddress: ipv4.container });
  if (ipv6 !== undefined && host6 !== undefined)
    places.push({ hostAddress: host6, containerAddress: ipv6.container });
  return places;
}

/** An image may expose what is no port. */
function parsedOrNone(text: string): PortRange[] {
  try {
    return [parsePortRange(text)];
  } catch {
    return [];
  }
}
