import { formatPrefix, type Prefix } from "../address.ts";
import { parseIpvlanOptions } from "../create/options.ts";
import type { Network } from "../network.ts";

/** Under these names of auxiliary addresses the default bridge has another way out than itself. */
export const gatewayNames = { 4: "DefaultGatewayIPv4", 6: "DefaultGatewayIPv6" } as const;

/** A way out without a router: the interface itself leads everywhere. */
const routerless = { 4: "0.0.0.0", 6: "::" } as const;

/** Where containers of a network send what leaves its subnet; "" if nothing does. */
export function gatewayFor(network: Network, prefix: Prefix): string {
  const pool = network.pools.find(({ subnet }) => subnet === formatPrefix(prefix));
  if (pool === undefined || network.internal) return "";
  if (network.driver === "ipvlan") {
    const { parent, mode } = parseIpvlanOptions(network.options);
    if (mode !== "l2") return parent === "" ? "" : routerless[prefix.family];
  }
  const other =
    network.driver === "bridge" ? pool.auxiliary[gatewayNames[prefix.family]] : undefined;
  return other ?? pool.gateway ?? "";
}
