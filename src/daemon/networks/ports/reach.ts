import { isIPv4, isIPv6 } from "node:net";
import { optionNames, parseBridgeOptions } from "../create/options.ts";
import type { Endpoint, Network } from "../network.ts";

/** How a container is reached through the host, by family; undefined where it cannot be. */
export interface Reach {
  ipv4: Gate | undefined;
  ipv6: Gate | undefined;
}

export interface Gate {
  /** Its address. */
  container: string;
  /** Of the host, for bindings that name none; undefined publishes those nowhere. */
  host: string | undefined;
  /** Others know the way to the container: its ports are opened, and none of the host's leads there. */
  routed: boolean;
}

/**
 * As Docker: ports are published by the network that is the way out, if it is a bridge that has one. Bindings without
 * an address go to the network's own; "0.0.0.0" stands for both families.
 */
export function findReach(
  endpoints: Record<string, Endpoint>,
  findNetwork: (name: string) => Network | undefined,
): Reach {
  const gate = (family: "ipv4" | "ipv6"): Gate | undefined => {
    const [name, endpoint] =
      Object.entries(endpoints).find(([, { isGateway }]) => isGateway[family]) ?? [];
    if (name === undefined || endpoint === undefined) return undefined;
    const container = family === "ipv4" ? endpoint.address : endpoint.address6;
    const network = findNetwork(name);
    if (container === "" || network?.driver !== "bridge" || network.internal) return undefined;
    const chosen = network.options[optionNames.hostBinding] || "0.0.0.0";
    const { gatewayMode4, gatewayMode6 } = parseBridgeOptions(network.options);
    return family === "ipv4"
      ? { container, host: hostOf4(chosen), routed: gatewayMode4 === "routed" }
      : { container, host: hostOf6(chosen), routed: gatewayMode6 === "routed" };
  };
  return { ipv4: gate("ipv4"), ipv6: gate("ipv6") };
}

function hostOf4(chosen: string): string | undefined {
  return isIPv4(chosen) ? chosen : undefined;
}

function hostOf6(chosen: string): string | undefined {
  if (chosen === "0.0.0.0") return "::";
  return isIPv6(chosen) ? chosen : undefined;
}
