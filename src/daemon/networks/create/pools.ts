import { EngineError } from "../../../errors.ts";
import {
  addressOf,
  type Family,
  formatAddress,
  formatPrefix,
  lastOf,
  overlaps,
  type Prefix,
  prefixOf,
} from "../address.ts";
import { chooseSubnet, type DefaultPool } from "../ipam/default-pools.ts";
import { reservedIn } from "../ipam/space.ts";
import type { Network, Pool } from "../network.ts";
import { checkPools } from "./check-pools.ts";
import type { PoolRequest } from "./request.ts";

export interface PoolSurroundings {
  /** What subnets are cut from for those who do not say. */
  defaults: readonly DefaultPool[];
  /** Subnets of other networks. */
  others: readonly Taken[];
  /** What this host reaches by its routes. */
  routes: readonly Prefix[];
}

export interface Taken {
  subnet: Prefix;
  /** Name of the network that has it. */
  network: string;
}

export function subnetsOf(networks: readonly Network[]): Taken[] {
  return networks.flatMap(({ name, pools }) =>
    pools.map(({ subnet }) => ({ subnet: prefixOf(subnet), network: name })),
  );
}

/** Pools of one family for a network that has it on: those asked for, or one of the default pools. */
export function decidePools(
  family: Family,
  requests: readonly PoolRequest[],
  withGateway: boolean,
  around: PoolSurroundings,
): Pool[] {
  const own = requests.filter(({ subnet }) => prefixOf(subnet).family === family);
  const others = [...around.others];
  return (own.length > 0 ? own : [unasked]).map((request) => {
    const subnet = decideSubnet(family, request, { ...around, others });
    others.push({ subnet, network: "itself" });
    return completePool(request, subnet, withGateway);
  });
}

const unasked: PoolRequest = { subnet: "", range: "", gateway: "", auxiliary: {} };

/** "0.0.0.0/24" and "::/80" ask for any subnet of that size. */
function decideSubnet(family: Family, request: PoolRequest, around: PoolSurroundings): Prefix {
  const { defaults, others } = around;
  const taken = [...others.map(({ subnet }) => subnet), ...around.routes];
  if (request.subnet === "") return chooseSubnet(defaults, family, taken);
  const asked = prefixOf(request.subnet);
  if (asked.base === 0n) {
    const sized = defaults
      .filter(({ base }) => base.length <= asked.length)
      .map(({ base }) => ({ base, size: asked.length }));
    return chooseSubnet(sized, family, taken);
  }
  // Docker leaves it to the driver where a range is given: two networks may share a subnet of the outside.
  const rival = others.find(({ subnet }) => overlaps(subnet, asked));
  if (request.range === "" && rival !== undefined) {
    throw new EngineError(
      "forbidden",
      "invalid pool request: Pool overlaps with other one on this address space",
      { hint: `the network ${rival.network} has ${formatPrefix(rival.subnet)}` },
    );
  }
  return asked;
}

function completePool(request: PoolRequest, subnet: Prefix, withGateway: boolean): Pool {
  // What goes with "0.0.0.0/24" was looked at when nobody knew which subnet that is.
  const isChosen = request.subnet !== "" && prefixOf(request.subnet).base !== subnet.base;
  if (isChosen) checkPools([{ ...request, subnet: formatPrefix(subnet) }], true);
  const pool: Pool = {
    subnet: formatPrefix(subnet),
    range: request.range === "" ? null : formatPrefix(prefixOf(request.range)),
    gateway: null,
    auxiliary: normalise(request.auxiliary, subnet.family),
    isConfigured: request.subnet !== "",
  };
  const bounds = reservedIn({ ...pool, auxiliary: {} });
  if (request.gateway !== "") {
    const gateway = addressOf(request.gateway);
    if (bounds.has(gateway)) throw inUse(`gateway (${request.gateway})`);
    pool.gateway = formatAddress(subnet.family, gateway);
  }
  const taken = new Set([...bounds, ...(pool.gateway === null ? [] : [addressOf(pool.gateway)])]);
  for (const [name, text] of Object.entries(pool.auxiliary)) {
    const value = addressOf(text);
    if (taken.has(value)) throw inUse(`secondary ip address (${name}:${text})`);
    taken.add(value);
  }
  if (pool.gateway === null && withGateway) pool.gateway = firstFree(pool, taken);
  return pool;
}

function firstFree(pool: Pool, taken: ReadonlySet<bigint>): string {
  const range = prefixOf(pool.range ?? pool.subnet);
  for (let value = range.base; value <= lastOf(range); value++) {
    if (!taken.has(value)) return formatAddress(range.family, value);
  }
  throw new EngineError(
    "invalid_argument",
    "failed to allocate gateway (): no available addresses on this pool",
  );
}

function inUse(what: string): EngineError {
  return new EngineError("invalid_argument", `failed to allocate ${what}: Address already in use`);
}

function normalise(auxiliary: Record<string, string>, family: Family): Record<string, string> {
  return Object.fromEntries(
    Object.entries(auxiliary).map(([name, text]) => [name, formatAddress(family, addressOf(text))]),
  );
}
