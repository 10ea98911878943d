import { EngineError } from "../../../errors.ts";
import type { PortMap } from "../network.ts";
import { formatPort, parseHostAddress, parseHostPorts, parsePorts } from "./port.ts";

/** All bindings of a port, or those at some numbers of the host, or those at an address too. */
export interface Removal {
  /** "80/tcp" */
  port: string;
  host: HostPlace | undefined;
}

interface HostPlace {
  /** "" is any. */
  address: string;
  /** The first and the last; 0 is any. */
  numbers: [first: number, last: number];
}

export type Binding = PortMap[string][number];

const form =
  /^(?:\[(?<six>[^\]]+)\]:(?<of6>[\d-]*):|(?<four>[\d.]+):(?<of4>[\d-]*):|(?<own>\d[\d-]*):)?(?<port>[^:]+)$/;

/** "80", "80/udp", "8080:80", "127.0.0.1:8080:80/tcp", "[::1]::80", "8000-8010:80-90", "8000-8010:80" */
export function parseRemovals(text: string): Removal[] {
  const { six, four, of6, of4, own, port } = form.exec(text)?.groups ?? {};
  if (port === undefined) throw refuse(text);
  const ports = parsePorts(port);
  const address = parseHostAddress(six ?? four ?? "");
  const [first, last] = parseHostPorts(own ?? of4 ?? of6 ?? "");
  const isWhole = address === "" && own === undefined;
  const isSpread = first !== 0 && ports.length > 1;
  if (isSpread && last - first !== ports.length - 1) throw refuse(text);
  return ports.map((each, at): Removal => {
    const numbers: HostPlace["numbers"] = isSpread ? [first + at, first + at] : [first, last];
    return { port: formatPort(each), host: isWhole ? undefined : { address, numbers } };
  });
}

/** The published ports that go. */
export function chooseRemoved(ports: PortMap, removals: readonly Removal[]): PortMap {
  return split(ports, (port, each) => removals.some((one) => meets(one, port, each)));
}

export function chooseKept(ports: PortMap, removals: readonly Removal[]): PortMap {
  return split(ports, (port, each) => !removals.some((one) => meets(one, port, each)));
}

/** The wishes for one port without what goes, and what goes and stays of that which is published. */
export interface Split {
  wishes: readonly Binding[];
  gone: readonly Binding[];
  kept: readonly Binding[];
}

/** Undefined if there was nothing that fits. */
export function withoutRemoved({ wishes, gone, kept }: Split, removal: Removal) {
  const { port } = removal;
  const dropped = wishes.filter((each) => meets(removal, port, each));
  let rest = wishes.filter((each) => !dropped.includes(each));
  // What is published nowhere is known by the number that was asked for alone.
  if (gone.length === 0) rest = rest.flatMap((each) => narrow(each, removal));
  for (const place of gone) {
    if (isDirect(place)) {
      // It is there for every wish of its family.
      rest = rest.flatMap((each) => (couldBe(each, place) ? without(each, place, kept) : each));
      continue;
    }
    if (dropped.some((each) => couldBe(each, place))) continue;
    const cause = findCause(rest, place);
    if (cause === undefined) continue;
    dropped.push({ ...cause, HostPort: place.HostPort });
    rest = rest.flatMap((each) => (each === cause ? without(each, place, kept) : each));
  }
  const isSame = rest.length === wishes.length && rest.every((each, at) => each === wishes[at]);
  return isSame && gone.length === 0 ? undefined : rest;
}

/** What a wish is for once the place is gone: the other family, where it is published for that as well. */
function without(wish: Binding, place: Binding, kept: readonly Binding[]): Binding[] {
  const other = kept.find((each) => isTwin(each, place) && couldBe(wish, each));
  return wish.HostIp === "" && other ? [{ ...wish, HostIp: other.HostIp }] : [];
}

function split(ports: PortMap, choose: (port: string, each: Binding) => boolean): PortMap {
  const lists = Object.entries(ports).map(
    ([port, list]) => [port, list.filter((each) => choose(port, each))] as const,
  );
  return Object.fromEntries(lists.filter(([, list]) => list.length > 0));
}

function meets({ port, host }: Removal, name: string, { HostIp, HostPort }: Binding): boolean {
  if (port !== name) return false;
  if (host === undefined) return true;
  const isThere = host.address === "" || host.address === HostIp;
  return isThere && isWithin(parseHostPorts(HostPort), host.numbers);
}

const everywhere: Record<string, string> = { "0.0.0.0": "::", "::": "0.0.0.0" };

/** A wish for every address that loses those of one family is one for the other family's. */
function narrow(wish: Binding, { host }: Removal): Binding[] {
  const other = everywhere[host?.address ?? ""];
  if (host === undefined || other === undefined || wish.HostIp !== "") return [wish];
  const isMet = isWithin(parseHostPorts(wish.HostPort), host.numbers);
  return isMet ? [{ ...wish, HostIp: other }] : [wish];
}

/** The wish that a port is published for: a number that the engine chose stands in what is published only. */
function findCause(wishes: readonly Binding[], place: Binding): Binding | undefined {
  return wishes
    .filter((each) => couldBe(each, place))
    .toSorted((a, b) => Number(isChosen(a)) - Number(isChosen(b)))[0];
}

function couldBe({ HostIp, HostPort }: Binding, place: Binding): boolean {
  if (isDirect(place)) return HostIp === "" || familyOf(HostIp) === familyOf(place.HostIp);
  const asked = parseHostPorts(HostPort);
  return isWithin(parseHostPorts(place.HostPort), asked) && ["", place.HostIp].includes(HostIp);
}

function isChosen({ HostPort }: Binding): boolean {
  return parseHostPorts(HostPort)[0] === 0;
}

/** The same number at an address of the other family, or the container's own address there. */
function isTwin(a: Binding, b: Binding): boolean {
  const isSame = a.HostPort === b.HostPort || isDirect(a) || isDirect(b);
  return isSame && familyOf(a.HostIp) !== familyOf(b.HostIp);
}

/** Published at the container's own address alone, which has no number of the host's. */
function isDirect(place: Binding): boolean {
  return place.HostPort === "";
}

function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

function isWithin(some: HostPlace["numbers"], all: HostPlace["numbers"]): boolean {
  return all[0] === 0 || (some[0] >= all[0] && some[1] <= all[1]);
}

function refuse(text: string): EngineError {
  return new EngineError("invalid_argument", `invalid port specification: ${JSON.stringify(text)}`);
}
