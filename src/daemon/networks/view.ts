import type { NetworkInspect, NetworkSummary } from "../../api/networks.ts";
import { isUserDefined, type Network, type Pool } from "./network.ts";

/** A container's place in a network, with the container's name. */
export interface Member {
  containerId: string;
  name: string;
  endpointId: string;
  macAddress: string;
  /** With its prefix, "" for a family that it has no address of. */
  address: string;
  address6: string;
}

type Usage = ReadonlyMap<string, { inUse: bigint; available: bigint }>;

/** Docker's shape of a network in a list. */
export function toNetworkSummary(network: Network): NetworkSummary {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: "local",
    Driver: network.driver,
    EnableIPv4: network.enableIpv4,
    EnableIPv6: network.enableIpv6,
    IPAM: {
      Driver: network.ipamDriver,
      Options: isUserDefined(network.name) ? network.ipamOptions : null,
      Config: network.pools.length === 0 ? null : network.pools.map(toPool),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom },
    ConfigOnly: network.configOnly,
    Options: sortKeys(network.options),
    Labels: sortKeys(network.labels),
  };
}

/** The whole of it; `usage` for clients that know it, of a network that addresses are given in. */
export function toNetworkInspect(
  network: Network,
  members: readonly Member[],
  usage: Usage | undefined,
): NetworkInspect {
  const containers = members.map(({ containerId, name, ...place }) => [
    containerId,
    {
      Name: name,
      EndpointID: place.endpointId,
      MacAddress: place.macAddress,
      IPv4Address: place.address,
      IPv6Address: place.address6,
    },
  ]);
  return {
    ...toNetworkSummary(network),
    Containers: Object.fromEntries(containers),
    ...(usage === undefined ? {} : { Status: { IPAM: { Subnets: toSubnets(usage) } } }),
  };
}

/** Counts are unsigned and have 64 bits there: more is said as the most that they can be. */
function toSubnets(usage: Usage) {
  return Object.fromEntries(
    [...usage].map(([subnet, { inUse, available }]) => [
      subnet,
      { IPsInUse: toCount(inUse), DynamicIPsAvailable: toCount(available) },
    ]),
  );
}

const most = 2n ** 64n - 1n;

/** A number to whoever writes it as JSON; a number of this language would be rounded beyond 2^53. */
function toCount(value: bigint): number {
  if (value <= Number.MAX_SAFE_INTEGER) return Number(value);
  return rawJson(String(value < most ? value : most));
}

const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): number };

function toPool({ subnet, range, gateway, auxiliary }: Pool) {
  return {
    Subnet: subnet,
    ...(range === null ? {} : { IPRange: range }),
    ...(gateway === null ? {} : { Gateway: gateway }),
    ...(Object.keys(auxiliary).length === 0 ? {} : { AuxiliaryAddresses: auxiliary }),
  };
}

/** As Go writes maps. */
function sortKeys(map: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
