import { EngineError } from "../../errors.ts";
import {
  addressOf,
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  lastOf,
  overlaps,
  type Prefix,
  parseCidr,
  prefixOf,
} from "./address.ts";
import type { CreateSurroundings } from "./create/decide.ts";
import { checkBridgeSubnets } from "./create/drivers.ts";
import { optionNames } from "./create/options.ts";
import { decidePools, subnetsOf } from "./create/pools.ts";
import type { PoolRequest } from "./create/request.ts";
import { gatewayNames } from "./ipam/gateways.ts";
import type { Network, Pool } from "./network.ts";
import type { BridgeAddresses, NetworkConfig } from "./settings.ts";

export interface DefaultBridgeSettings {
  options: Record<string, string>;
  ipv6: boolean;
  addresses: Record<Family, BridgeAddresses>;
  /** IPv4 address and prefix that an earlier version of this engine has chosen. */
  formerAddress: string | null;
}

/** The default bridge's options, which Docker shows too. */
export function buildDefaultOptions(
  bridgeName: string,
  { icc, masquerade, hostBinding, mtu }: NetworkConfig,
): Record<string, string> {
  return {
    [optionNames.defaultBridge]: "true",
    [optionNames.icc]: String(icc),
    [optionNames.masquerade]: String(masquerade),
    [optionNames.hostBinding]: hostBinding || "0.0.0.0",
    [optionNames.bridgeName]: bridgeName,
    [optionNames.mtu]: String(mtu),
  };
}

/** The default bridge: as the settings want it, else as it was, else as is free now. */
export function decideDefaultBridge(
  settings: DefaultBridgeSettings,
  known: Network,
  around: CreateSurroundings,
): Network {
  const others = subnetsOf(around.networks);
  const surroundings = { defaults: around.defaultPools, others, routes: around.routes };
  const decide = (family: Family): Pool[] => {
    const own = settings.addresses[family];
    const before = findBefore(family, settings, known);
    const isOffered = around.defaultPools.some(({ base }) => before && covers(base, before.prefix));
    const asked = decideRequest(own, before, isOffered);
    const pools = decidePools(family, asked === undefined ? [] : [asked], true, surroundings);
    return pools.map((pool) => ({
      ...withOtherGateway(pool, family, own.gateway),
      // Nobody chooses addresses on the default bridge.
      isConfigured: false,
    }));
  };
  const network = {
    ...known,
    options: settings.options,
    enableIpv6: settings.ipv6,
    pools: [...decide(4), ...(settings.ipv6 ? decide(6) : [])],
  };
  checkBridgeSubnets(network, around.networks);
  return network;
}

interface Before {
  prefix: Prefix;
  gateway: string;
}

function findBefore(
  family: Family,
  { formerAddress }: DefaultBridgeSettings,
  { pools }: Network,
): Before | undefined {
  for (const { subnet, gateway } of pools) {
    const prefix = prefixOf(subnet);
    if (prefix.family === family) return { prefix, gateway: gateway ?? "" };
  }
  const former = formerAddress === null || pools.length > 0 ? undefined : parseCidr(formerAddress);
  if (former?.prefix.family !== family) return undefined;
  return { prefix: former.prefix, gateway: formatAddress(family, former.address) };
}

/** Undefined leaves it to the default pools. */
function decideRequest(
  { bip, fixedCidr }: BridgeAddresses,
  before: Before | undefined,
  isOffered: boolean,
): PoolRequest | undefined {
  const own = bip === null ? undefined : parseCidr(bip);
  const range = fixedCidr === null ? undefined : prefixOf(fixedCidr);
  if (own !== undefined)
    return toRequest(own.prefix, formatAddress(own.prefix.family, own.address), range);
  if (before !== undefined && (range === undefined ? isOffered : covers(before.prefix, range)))
    return toRequest(before.prefix, before.gateway, range);
  return range && toRequest(range, "", undefined);
}

function toRequest(subnet: Prefix, gateway: string, range: Prefix | undefined): PoolRequest {
  const isPart = range !== undefined && range.length > subnet.length;
  return {
    subnet: formatPrefix(subnet),
    range: isPart ? formatPrefix(range) : "",
    gateway,
    auxiliary: {},
  };
}

function withOtherGateway(pool: Pool, family: Family, gateway: string | null): Pool {
  if (gateway === null) return pool;
  if (!contains(prefixOf(pool.subnet), family, addressOf(gateway))) {
    throw new EngineError(
      "invalid_argument",
      `default gateway ip must be part of the network: ${gateway} is not in ${pool.subnet}`,
    );
  }
  return { ...pool, auxiliary: { [gatewayNames[family]]: gateway } };
}

function covers(wide: Prefix, narrow: Prefix): boolean {
  return (
    overlaps(wide, narrow) &&
    contains(wide, narrow.family, lastOf(narrow)) &&
    narrow.length >= wide.length
  );
}
