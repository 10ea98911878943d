import { formatAddress, formatPrefix, parseCidr, prefixOf } from "./address.ts";
import type { CreateSurroundings } from "./create/decide.ts";
import { decidePools, subnetsOf } from "./create/pools.ts";
import type { PoolRequest } from "./create/request.ts";
import type { Network } from "./network.ts";

/** What the daemon's settings say of the default bridge. */
export interface DefaultBridgeSettings {
  options: Record<string, string>;
  /** The bridge's own address, "10.7.0.1/24"; null lets the engine choose. */
  bip: string | null;
  /** As an earlier version of this engine has chosen it. */
  formerAddress: string | null;
}

/** The default bridge: as the settings want it, else as it was, else as is free now. */
export function decideDefaultBridge(
  settings: DefaultBridgeSettings,
  known: Network,
  around: CreateSurroundings,
): Network {
  const others = subnetsOf(around.networks);
  const surroundings = { defaults: around.defaultPools, others, routes: around.routes };
  const asked = chooseAddress(settings, known);
  const pools = decidePools(4, asked === null ? [] : [toRequest(asked)], true, surroundings);
  return { ...known, options: settings.options, pools };
}

function chooseAddress(settings: DefaultBridgeSettings, { pools }: Network): string | null {
  const before = pools[0];
  if (settings.bip !== null) return settings.bip;
  if (before === undefined) return settings.formerAddress;
  return before.gateway === null ? null : `${before.gateway}/${prefixOf(before.subnet).length}`;
}

function toRequest(address: string): PoolRequest {
  const cidr = parseCidr(address);
  if (cidr === undefined) throw new TypeError(`not an address with a prefix: ${address}`);
  const { family } = cidr.prefix;
  return {
    subnet: formatPrefix(cidr.prefix),
    range: "",
    gateway: formatAddress(family, cidr.address),
    auxiliary: {},
  };
}
