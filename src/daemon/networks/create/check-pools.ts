import { EngineError } from "../../../errors.ts";
import {
  contains,
  type Family,
  formatPrefix,
  overlaps,
  type Prefix,
  parseAddress,
  parseCidr,
} from "../address.ts";
import type { PoolRequest } from "./request.ts";

/** Each is held against each other one. */
const mostPools = 1000;

/**
 * Refuses address pools that contradict themselves, all of what is wrong at once, in Docker's words. What
 * is asked for IPv6 counts only where IPv6 is on.
 */
export function checkPools(pools: readonly PoolRequest[], enableIpv6: boolean): void {
  if (pools.length > mostPools) {
    throw new EngineError(
      "invalid_argument",
      `invalid network config:\n${pools.length} subnets are more than a network can have (${mostPools})`,
    );
  }
  const wrong = pools.flatMap((pool) => [...findWrong(pool, enableIpv6)]);
  if (wrong.length === 0) return;
  const list = wrong.length === 1 ? wrong[0] : wrong.map((each) => `* ${each}`).join("\n");
  throw new EngineError("invalid_argument", `invalid network config:\n${list}`);
}

function* findWrong(pool: PoolRequest, enableIpv6: boolean): Iterable<string> {
  const cidr = parseCidr(pool.subnet);
  if (cidr === undefined) {
    yield `invalid subnet ${pool.subnet}: invalid CIDR block notation`;
    return;
  }
  const { prefix } = cidr;
  if (prefix.family === 6 && !enableIpv6) return;
  if (cidr.address !== prefix.base)
    yield `invalid subnet ${pool.subnet}: it should be ${formatPrefix(prefix)}`;
  yield* findWrongRange(pool.range, prefix);
  const gateway = findWrongAddress(pool.gateway, prefix);
  if (gateway !== undefined) yield `invalid gateway ${pool.gateway}: ${gateway}`;
  for (const [name, address] of Object.entries(pool.auxiliary)) {
    const why = address === "" ? "invalid address" : findWrongAddress(address, prefix);
    if (why !== undefined) yield `invalid auxiliary address ${name}: ${why}`;
  }
}

function* findWrongRange(range: string, subnet: Prefix): Iterable<string> {
  if (range === "") return;
  const start = `invalid ip-range ${range}`;
  const cidr = parseCidr(range);
  if (cidr === undefined) {
    yield `${start}: invalid CIDR block notation`;
    return;
  }
  const { prefix } = cidr;
  if (prefix.family !== subnet.family) {
    yield `${start}: parent subnet is an ${wordFor(subnet.family)} block`;
    return;
  }
  if (prefix.length < subnet.length)
    yield `${start}: CIDR block is bigger than its parent subnet ${formatPrefix(subnet)}`;
  if (cidr.address !== prefix.base) yield `${start}: it should be ${formatPrefix(prefix)}`;
  if (!overlaps(prefix, subnet))
    yield `${start}: parent subnet ${formatPrefix(subnet)} doesn't contain ip-range`;
}

function findWrongAddress(text: string, subnet: Prefix): string | undefined {
  if (text === "") return undefined;
  const address = parseAddress(text);
  if (address === undefined) return "invalid address";
  if (address.family !== subnet.family)
    return `parent subnet is an ${wordFor(subnet.family)} block`;
  if (!contains(subnet, address.family, address.value))
    return `parent subnet ${formatPrefix(subnet)} doesn't contain this address`;
  return undefined;
}

function wordFor(family: Family): string {
  return `IPv${family}`;
}
