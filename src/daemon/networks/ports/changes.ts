import { EngineError } from "../../../errors.ts";
import type { PortMap } from "../network.ts";
import { listPorts, type PortWishes } from "./plans.ts";
import { formatPort, parseBindings, parseHostPorts, type WireBindings } from "./port.ts";
import {
  chooseKept,
  chooseRemoved,
  parseRemovals,
  type Removal,
  withoutRemoved,
} from "./removals.ts";

/** What an update changes of a container's published ports. */
export interface PublishChanges {
  add: PortMap;
  remove: Removal[];
}

/** Undefined where an update leaves ports alone. */
export function parsePublishChanges(
  add: WireBindings,
  remove: readonly string[] | null | undefined,
): PublishChanges | undefined {
  const changes = { add: parseBindings(add), remove: (remove ?? []).flatMap(parseRemovals) };
  const isEmpty = Object.keys(changes.add).length === 0 && changes.remove.length === 0;
  return isEmpty ? undefined : changes;
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
  const isPinned = wishes.all && remove.length > 0;
  let bindings = isPinned ? pin(wishes) : wishes.bindings;
  let left = ports;
  for (const removal of remove) {
    const { port } = removal;
    const gone = chooseRemoved(left, [removal])[port] ?? [];
    left = chooseKept(left, [removal]);
    const { [port]: own = [], ...others } = bindings;
    const rest = withoutRemoved({ wishes: own, gone, kept: left[port] ?? [] }, removal);
    if (rest === undefined) {
      const text = `no public port '${port}' published for ${name}`;
      throw new EngineError("not_found", text);
    }
    bindings = rest.length === 0 ? others : { ...bindings, [port]: rest };
  }
  return { ...wishes, bindings: unite(bindings, add), all: wishes.all && !isPinned };
}

/** Publishing every exposed port, written out, since one of them is not to be published any more. */
function pin(wishes: PortWishes): PortMap {
  const pinned = { ...wishes.bindings };
  for (const port of listPorts(wishes).map(formatPort))
    if ((pinned[port] ?? []).length === 0) pinned[port] = [{ HostIp: "", HostPort: "" }];
  return pinned;
}

function unite(bindings: PortMap, add: PortMap): PortMap {
  const united = { ...bindings };
  for (const [port, list] of Object.entries(add)) {
    const own = united[port] ?? [];
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
