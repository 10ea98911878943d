import { BlockList, isIP } from "node:net";
import type { IPAM, IPAMConfig } from "../../api/types.ts";
import { refuse } from "../request/parts.ts";

/** What the flags of `network create` say of addresses, each in the order that it was given. */
export interface IpamFlags {
  driver: string;
  options: Record<string, string>;
  subnets: readonly string[];
  ranges: readonly string[];
  gateways: readonly string[];
  /** Kept from containers, by name. */
  auxiliary: Record<string, string>;
}

interface Subnet {
  text: string;
  /** Undefined where the text is no subnet; of one that nothing is held against, the engine says so. */
  block: BlockList | undefined;
  config: IPAMConfig;
}

/**
 * Gives each range, gateway and auxiliary address to the subnet that it lies in. The engine judges what a
 * subnet is worth; here is refused what belongs to none or is there twice.
 */
export function buildIpam(flags: IpamFlags): IPAM {
  const { subnets, ranges, gateways, auxiliary } = flags;
  if (subnets.length < ranges.length || subnets.length < gateways.length)
    throw refuse("every ip-range or gateway must have a corresponding subnet");
  const pools = parseSubnets(subnets);
  for (const range of ranges) {
    if (!parseCidr(range)) throw refuse(`invalid CIDR address: ${range}`);
    for (const { config, text } of findPools(pools, range, "range")) {
      if (config.IPRange !== undefined)
        throw refuse(
          `cannot configure multiple ranges (${range}, ${config.IPRange}) on the same subnet (${text})`,
        );
      config.IPRange = range;
    }
  }
  for (const gateway of gateways) {
    for (const { config, text } of findPools(pools, gateway, "gateway")) {
      if (config.Gateway !== undefined)
        throw refuse(
          `cannot configure multiple gateways (${gateway}, ${config.Gateway}) for the same subnet (${text})`,
        );
      config.Gateway = gateway;
    }
  }
  for (const [name, address] of Object.entries(auxiliary)) {
    for (const { config } of findPools(pools, address, "aux-address"))
      config.AuxiliaryAddresses = { ...config.AuxiliaryAddresses, [name]: address };
  }
  return {
    Driver: flags.driver,
    Config: pools.map(({ config }) => config),
    Options: flags.options,
  };
}

function parseSubnets(texts: readonly string[]): Subnet[] {
  const pools: Subnet[] = [];
  for (const text of texts) {
    const pool = { text, block: parseBlock(text), config: { Subnet: text } };
    if (pools.some((other) => lies(other.text, pool) || lies(text, other)))
      throw refuse("multiple overlapping subnet configuration is not supported");
    pools.push(pool);
  }
  return pools;
}

function parseBlock(text: string): BlockList | undefined {
  const cidr = parseCidr(text);
  if (!cidr) return undefined;
  const block = new BlockList();
  block.addSubnet(cidr.address, cidr.prefix, cidr.family);
  return block;
}

/** Subnets do not overlap, so that there is one at most. */
function findPools(pools: readonly Subnet[], text: string, what: string): Subnet[] {
  const found = pools.filter((pool) => lies(text, pool));
  if (found.length === 0) throw refuse(`no matching subnet for ${what} ${text}`);
  return found;
}

/** The address, or the beginning of the subnet, lies in the subnet. */
function lies(text: string, { block, text: subnet }: Subnet): boolean {
  if (!block) throw refuse(`invalid subnet: invalid CIDR address: ${subnet}`);
  const address = parseCidr(text)?.address ?? text;
  const version = isIP(address);
  return version !== 0 && block.check(address, version === 6 ? "ipv6" : "ipv4");
}

function parseCidr(text: string) {
  const [, address = "", digits = ""] = /^([^/%]+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  const prefix = Number(digits);
  if (version === 0 || prefix > (version === 6 ? 128 : 32)) return undefined;
  return { address, prefix, family: version === 6 ? ("ipv6" as const) : ("ipv4" as const) };
}
