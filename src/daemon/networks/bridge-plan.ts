import type { BridgePlan } from "../../native-types/net.ts";
import { addressOf, formatAddress, prefixOf } from "./address.ts";
import { parseBridgeOptions } from "./create/options.ts";
import type { Network, Pool } from "./network.ts";

/** Of the interface that a bridge network has on the host. */
export function bridgeNameOf(network: Pick<Network, "id" | "options">): string {
  return parseBridgeOptions(network.options).name || `br-${network.id.slice(0, 12)}`;
}

/** Bytes, as on the wire that most hosts hang on. */
const usualMtu = 1500;

/** What the host carries for a bridge network. */
export function buildBridgePlan(network: Network): BridgePlan {
  const options = parseBridgeOptions(network.options);
  const { gatewayMode4, gatewayMode6 } = options;
  const ipv4 = options.hostIpv4 === "" ? {} : { ipv4: options.hostIpv4 };
  const ipv6 = options.hostIpv6 === "" ? {} : { ipv6: options.hostIpv6 };
  const hasSource = options.hostIpv4 !== "" || options.hostIpv6 !== "";
  return {
    name: bridgeNameOf(network),
    addresses: network.pools
      .filter((pool) => !(options.inhibitIpv4 && isIpv4(pool)))
      .filter((pool) => (isIpv4(pool) ? gatewayMode4 : gatewayMode6) !== "isolated")
      .flatMap(hostAddressIn),
    subnets: network.pools.map(({ subnet }) => subnet),
    mtu: options.mtu || usualMtu,
    rules: {
      masquerade: options.masquerade && !network.internal,
      routed: { ipv4: gatewayMode4 === "routed", ipv6: gatewayMode6 === "routed" },
      ...(hasSource ? { sourceAddress: { ...ipv4, ...ipv6 } } : {}),
      internal: network.internal,
      icc: options.icc,
    },
  };
}

function isIpv4({ subnet }: Pool): boolean {
  return !subnet.includes(":");
}

/** The gateway's, with the subnet's prefix. */
function hostAddressIn({ subnet, gateway }: Pool): string[] {
  if (gateway === null) return [];
  const { family, length } = prefixOf(subnet);
  return [`${formatAddress(family, addressOf(gateway))}/${length}`];
}
