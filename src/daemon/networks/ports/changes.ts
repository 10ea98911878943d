import { EngineError } from "../../../errors.ts";
import type { PortMap } from "../network.ts";
import { listPorts, type PortWishes } from "./plans.ts";
import {
  formatPort,
  parseBindings,
  parseHostAddress,
  parseHostPorts,
  parsePort,
  type WireBindings,
} from "./port.ts";

/** What an update changes of a container's published ports. */
export interface PublishChanges {
  add: PortMap;
  remove: Removal[];
}

/** All bindings of a port, or those at one number of the host, or the one at an address too. */
export interface Removal {
  /** "80/tcp" */
  port: string;
  host: HostPlace | undefined;
}

interface HostPlace {
  /** "" is any. */
  address: string;
  /** 0 is any. */
  number: number;
}

/** Undefined where an update leaves ports alone. */
export function parsePublishChanges(
  add: WireBindings,
  remove: readonly string[] | null | undefined,
): PublishChanges | undefined {
  const changes = { add: parseBindings(add), remove: (remove ?? []).map(parseRemoval) };
  const isEmpty = Object.keys(changes.add).length === 0 && changes.remove.length === 0;
  return isEmpty ? undefined : changes;
}

const removalForm =
  /^(?:\[(?<six>[^\]]+)\]:(?<of6>\d*):|(?<four>[\d.]+):(?<of4>\d*):|(?<number>\d+):)?(?<port>[^:]+)$/;

/** "80", "80/udp", "8080:80", "127.0.0.1:8080:80/tcp", "[::1]::80" */
function parseRemoval(text: string): Removal {
  const { six, four, of6, of4, number, port } = removalForm.exec(text)?.groups ?? {};
  if (port === undefined) {
    throw new EngineError(
      "invalid_argument",
      `invalid port specification: ${JSON.stringify(text)}`,
    );
  }
  const address = parseHostAddress(six ?? four ?? "");
  const [first] = parseHostPorts(number ?? of4 ?? of6 ?? "");
  const isWhole = address === "" && number === undefined;
  return {
    port: formatPort(parsePort(port)),
    host: isWhole ? undefined : { address, number: first },
  };
}

/** The published ports that go. */
export function chooseRemoved(ports: PortMap, removals: readonly Removal[]): PortMap {
  const chosen: PortMap = {};
  for (const [name, bindings] of Object.entries(ports)) {
    const gone = bindings.filter((each) => removals.some((one) => meets(one, name, each)));
    if (gone.length > 0) chosen[name] = gone;
  }
  return chosen;
}

/**
 * What the container wants after the changes; `ports` is what it has published, "{}" if it does not run. Throws
 * where there is nothing to take away, or a binding is there already.
 */
export function applyChanges(
  wishes: PortWishes,
  ports: PortMap,
  { add, remove }: PublishChanges,
  name: string,
): PortWishes {
  let { bindings } = wishes;
  for (const removal of remove) {
    const rest = without(bindings, ports, removal);
    const isImplied = wishes.all && isExposed(wishes, removal.port);
    if (rest === undefined && !isImplied) {
      const text = `no public port '${removal.port}' published for ${name}`;
      throw new EngineError("not_found", text);
    }
    bindings = rest ?? bindings;
  }
  const isPinned = wishes.all && remove.length > 0;
  if (isPinned) bindings = pin({ ...wishes, bindings }, remove);
  return { ...wishes, bindings: unite(bindings, add), all: wishes.all && !isPinned };
}

/** Undefined if there was nothing that fits. */
function without(bindings: PortMap, ports: PortMap, removal: Removal): PortMap | undefined {
  const { port } = removal;
  const own = bindings[port] ?? [];
  let rest = own.filter((each) => !meets(removal, port, each));
  // A number that the engine chose stands in what is published only.
  if (rest.length === own.length && chooseRemoved(ports, [removal])[port] !== undefined) {
    const index = own.findIndex((each) => couldBe(each, removal));
    rest = own.filter((_, at) => at !== index);
  }
  if (rest.length === own.length) return undefined;
  const { [port]: _, ...others } = bindings;
  return rest.length === 0 ? others : { ...others, [port]: rest };
}

function meets({ port, host }: Removal, name: string, binding: PortMap[string][number]): boolean {
  if (port !== name) return false;
  if (host === undefined) return true;
  const isThere = host.address === "" || host.address === binding.HostIp;
  return isThere && (host.number === 0 || String(host.number) === binding.HostPort);
}

function couldBe({ HostIp, HostPort }: PortMap[string][number], { host }: Removal): boolean {
  const [first, last] = parseHostPorts(HostPort);
  const number = host?.number ?? 0;
  const isNumber = first === 0 || number === 0 || (first <= number && number <= last);
  return isNumber && (HostIp === "" || host?.address === "" || host?.address === HostIp);
}

function isExposed(wishes: PortWishes, port: string): boolean {
  return listPorts(wishes).some((each) => formatPort(each) === port);
}

/** Publishing every exposed port, written out, since one of them is not to be published any more. */
function pin(wishes: PortWishes, removed: readonly Removal[]): PortMap {
  const pinned = { ...wishes.bindings };
  for (const port of listPorts(wishes).map(formatPort)) {
    const isGone = removed.some((each) => each.port === port);
    if (!isGone && (pinned[port] ?? []).length === 0) pinned[port] = [{ HostIp: "", HostPort: "" }];
  }
  return pinned;
}

function unite(bindings: PortMap, add: PortMap): PortMap {
  const united = { ...bindings };
  for (const [port, list] of Object.entries(add)) {
    const own = united[port] ?? [];
    // Without bindings the port is exposed, as by Docker.
    for (const { HostIp, HostPort } of list) {
      const isThere = own.some((each) => each.HostIp === HostIp && each.HostPort === HostPort);
      if (!isThere || parseHostPorts(HostPort)[0] === 0) continue;
      const place = `${HostIp || "0.0.0.0"}:${HostPort}`;
      throw new EngineError("conflict", `Bind for ${place} failed: port is already allocated`);
    }
    united[port] = [...own, ...list];
  }
  return united;
}
