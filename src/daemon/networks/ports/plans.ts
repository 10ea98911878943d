import type { PortAddress, PortPlan, PublishedPort } from "../../../native-types/net.ts";
import type { PortMap } from "../network.ts";
import { formatPort, type Port, parseHostPorts, parsePort, parsePorts } from "./port.ts";
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
  const ports = new Map<string, Port>();
  for (const name of Object.keys(bindings)) ports.set(name, parsePort(name));
  for (const name of exposed) {
    if (ports.has(name)) continue;
    for (const port of parsedOrNone(name)) ports.set(formatPort(port), port);
  }
  return [...ports.values()].sort(
    (a, b) => a.number - b.number || (a.protocol < b.protocol ? -1 : 1),
  );
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

/** Bindings that differ in their address alone become one plan, so that they get one number. */
function planPort(port: Port, bindings: PortMap[string], reach: Reach): PortPlan[] {
  const plans: PortPlan[] = [];
  for (const { HostIp, HostPort } of bindings) {
    const at = placesOf(HostIp, reach);
    if (at.length === 0) continue;
    const hostPorts = parseHostPorts(HostPort);
    const same = plans.find((plan) => isSame(plan.hostPorts, hostPorts) && !meet(plan.at, at));
    if (same !== undefined) same.at.push(...at);
    else plans.push({ protocol: port.protocol, hostPorts, containerPort: port.number, at });
  }
  return plans;
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

function isSame(a: PortPlan["hostPorts"], b: PortPlan["hostPorts"]): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

/** The same binding twice asks for two numbers. */
function meet(some: PortAddress[], others: PortAddress[]): boolean {
  return some.some((a) => others.some((b) => a.hostAddress === b.hostAddress));
}

/** An image may expose what is no port. */
function parsedOrNone(text: string): Port[] {
  try {
    return parsePorts(text);
  } catch {
    return [];
  }
}
