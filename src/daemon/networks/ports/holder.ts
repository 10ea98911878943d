import type { PortPlan } from "../../../native-types/net.ts";
import type { PortMap } from "../network.ts";
import { parsePort } from "./port.ts";

/** Who publishes what. */
export interface Holder {
  name: string;
  ports: PortMap;
}

/** What to look at when the plans cannot be had: which container has a port of them, if any has. */
export function hintAtHolder(
  plans: readonly PortPlan[],
  holders: readonly Holder[],
): string | undefined {
  for (const { name, ports } of holders) {
    for (const [port, bindings] of Object.entries(ports)) {
      const { protocol } = parsePort(port);
      for (const { HostIp, HostPort } of bindings) {
        if (HostPort === "") continue;
        const taken = { protocol, hostAddress: HostIp, hostPort: Number(HostPort) };
        if (plans.some((plan) => meets(plan, taken)))
          return `the container ${name} publishes port ${HostPort}`;
      }
    }
  }
  return undefined;
}

interface Taken {
  protocol: PortPlan["protocol"];
  hostAddress: string;
  hostPort: number;
}

function meets({ protocol, hostPorts: [first, last], at }: PortPlan, taken: Taken): boolean {
  const { hostPort } = taken;
  const inRange = first <= hostPort && hostPort <= last;
  return protocol === taken.protocol && inRange && at.some((each) => overlaps(each, taken));
}

type Place = Pick<Taken, "hostAddress">;

function overlaps({ hostAddress: a }: Place, { hostAddress: b }: Place): boolean {
  if (a.includes(":") !== b.includes(":")) return false;
  return a === b || [a, b].some((each) => each === "0.0.0.0" || each === "::");
}
