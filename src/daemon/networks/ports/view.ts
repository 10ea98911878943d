import type { ContainerSummary } from "../../../api/types.ts";
import type { PublishedPort } from "../../../native-types/net.ts";
import type { PortMap } from "../network.ts";
import { listPorts, type PortWishes } from "./plans.ts";
import { formatPort, parsePort } from "./port.ts";
import type { Reach } from "./reach.ts";

/** As it is recorded, and as `inspect` has it. */
export function toPortMap(published: PublishedPort[]): PortMap {
  const map: PortMap = {};
  for (const { protocol, containerPort, hostAddress, hostPort } of published) {
    // As Docker: no number where none of the host's leads there.
    const binding = { HostIp: hostAddress, HostPort: hostPort === 0 ? "" : String(hostPort) };
    const name = formatPort({ number: containerPort, protocol });
    const own = map[name] ?? [];
    own.push(binding);
    map[name] = own;
  }
  return map;
}

/** What a record says is published, of a container that is reached so. */
export function toPublished(ports: PortMap, reach: Reach): PublishedPort[] {
  return Object.entries(ports).flatMap(([name, bindings]) => {
    const { number, protocol } = parsePort(name);
    return bindings.flatMap(({ HostIp, HostPort }) => {
      const gate = HostIp.includes(":") ? reach.ipv6 : reach.ipv4;
      if (gate === undefined) return [];
      return {
        ...{ protocol, hostAddress: HostIp, hostPort: Number(HostPort) },
        ...{ containerAddress: gate.container, containerPort: number },
      };
    });
  });
}

/** NetworkSettings.Ports, in the order in which Go writes maps: null for a port that is exposed and not published. */
export function toInspectPorts(
  wishes: Omit<PortWishes, "all">,
  ports: PortMap,
): Record<string, PortMap[string] | null> {
  const all = listPorts({ ...wishes, bindings: { ...wishes.bindings, ...ports } });
  const names = all.map(formatPort).sort((a, b) => (a < b ? -1 : 1));
  return Object.fromEntries(names.map((name) => [name, ports[name] ?? null]));
}

type SummaryPort = NonNullable<ContainerSummary["Ports"]>[number];

/** A row's ports of `ps`. */
export function toSummaryPorts(inspected: ReturnType<typeof toInspectPorts>): SummaryPort[] {
  return Object.entries(inspected).flatMap(([name, bindings]): SummaryPort[] => {
    const { number, protocol } = parsePort(name);
    const own = { PrivatePort: number, Type: protocol };
    if (bindings === null) return [own];
    return bindings.map(({ HostIp, HostPort }) => ({
      ...{ IP: HostIp, ...own, ...(HostPort === "" ? {} : { PublicPort: Number(HostPort) }) },
    }));
  });
}
