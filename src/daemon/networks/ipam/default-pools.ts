import { createHash } from "node:crypto";
import { EngineError } from "../../../errors.ts";
import {
  bitsOf,
  blockOf,
  type Family,
  lastOf,
  overlaps,
  type Prefix,
  parseCidr,
  prefixOf,
  sizeOf,
} from "../address.ts";

/** A block that is cut into subnets, for networks that do not say which they want. */
export interface DefaultPool {
  base: Prefix;
  /** Prefix length of each subnet. */
  size: number;
}

/** Docker's. */
export const dockerPools: readonly DefaultPool[] = [
  ...["172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16"].map((base) => pool(base, 16)),
  ...["172.20.0.0/14", "172.24.0.0/14", "172.28.0.0/14"].map((base) => pool(base, 16)),
  pool("192.168.0.0/16", 20),
];

function pool(base: string, size: number): DefaultPool {
  return { base: prefixOf(base), size };
}

/** A pool as the configuration file has it. */
export interface WrittenPool {
  base: string;
  size: number;
}

/** In the order of their addresses; of two that overlap the smaller is left out, as in Docker. */
export function parseDefaultPools(written: readonly WrittenPool[]): DefaultPool[] {
  const pools = written.map(({ base, size }) => {
    const cidr = parseCidr(base);
    const wrong = (why: string): EngineError =>
      new EngineError(
        "invalid_argument",
        `invalid default address pool base=${base},size=${size}: ${why}`,
      );
    if (cidr === undefined) throw wrong("its base is no subnet");
    const { prefix } = cidr;
    if (!Number.isInteger(size) || size > bitsOf(prefix.family))
      throw wrong(`IPv${prefix.family} has no such prefix length`);
    if (size < prefix.length) throw wrong("its subnets would be larger than its base");
    return { base: prefix, size };
  });
  return pools
    .sort((a, b) => a.base.family - b.base.family || compare(a.base, b.base))
    .filter(
      ({ base }, index) => !pools.slice(0, index).some((wider) => overlaps(wider.base, base)),
    );
}

function compare(a: Prefix, b: Prefix): number {
  if (a.base !== b.base) return a.base < b.base ? -1 : 1;
  return a.length - b.length;
}

/** The pools that the user chose; of a family without any the engine's own. */
export function choosePools(chosen: readonly DefaultPool[], engineId: string): DefaultPool[] {
  const own = [...dockerPools, uniqueLocalPool(engineId)];
  const missing = (family: Family): boolean => !chosen.some(({ base }) => base.family === family);
  return [...chosen, ...own.filter(({ base }) => missing(base.family))];
}

/** Local addresses of this engine's own (RFC 4193): 40 bits that follow from its id, always the same. */
export function uniqueLocalPool(engineId: string): DefaultPool {
  const digest = createHash("sha256").update(engineId).digest();
  const globalId = digest.readBigUInt64BE(0) & ((1n << 40n) - 1n);
  return { base: blockOf(6, (0xfdn << 120n) | (globalId << 80n), 48), size: 64 };
}

/** The first subnet of the pools that overlaps nothing taken. */
export function chooseSubnet(
  pools: readonly DefaultPool[],
  family: Family,
  taken: readonly Prefix[],
): Prefix {
  const own = pools.filter(({ base }) => base.family === family);
  for (const { base, size } of own) {
    const found = firstFree(base, size, taken);
    if (found !== undefined) return found;
  }
  throw new EngineError(
    "invalid_argument",
    "all predefined address pools have been fully subnetted",
    {
      hint: "remove networks that nobody uses, give --subnet, or start the daemon with --default-address-pool",
    },
  );
}

/** Goes from one obstacle to behind it, so that it takes as many steps as there are, not as subnets. */
function firstFree(base: Prefix, size: number, taken: readonly Prefix[]): Prefix | undefined {
  const obstacles = taken
    .filter((each) => overlaps(each, base))
    .sort((a, b) => (a.base < b.base ? -1 : 1));
  let candidate: Prefix = { ...base, length: size };
  for (const obstacle of obstacles) {
    if (!overlaps(obstacle, candidate)) {
      if (obstacle.base > lastOf(candidate)) break;
      continue;
    }
    const block = blockOf(base.family, lastOf(obstacle), size);
    candidate = { ...block, base: block.base + sizeOf(block) };
  }
  return candidate.base <= lastOf(base) ? candidate : undefined;
}
