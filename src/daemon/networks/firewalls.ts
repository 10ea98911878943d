import type { ForeignDrop, Native } from "../../native-types/native.ts";
import { bridgeNameOf } from "./bridge-plan.ts";
import type { Network } from "./network.ts";

export type FirewallFinder = Pick<Native, "findForeignDrops">;

/** A sentence about each chain of other firewalls that may drop what goes to the networks or comes from them. */
export async function warnOfFirewalls(
  native: FirewallFinder,
  networks: Network[],
): Promise<string[]> {
  const bridges = networks.filter(({ driver }) => driver === "bridge").map(bridgeNameOf);
  if (bridges.length === 0) return [];
  const dual = networks.filter(({ enableIpv6 }) => enableIpv6).map(bridgeNameOf);
  // A kernel that has no nftables to be asked has no chain to be told of.
  const drops = await native.findForeignDrops(bridges).catch(() => []);
  return drops.flatMap((drop) => {
    const own = drop.bridges.filter((bridge) => drop.family !== "ip6" || dual.includes(bridge));
    return own.length === 0 ? [] : [describeDrop({ ...drop, bridges: own })];
  });
}

/** What is wrong and what to do, for we write into no table but our own. */
export function describeDrop({ family, table, chain, bridges }: ForeignDrop): string {
  const [bridge = ""] = bridges;
  const allow = (way: "in" | "out"): string => {
    const letter = way === "in" ? "i" : "o";
    if (table === "filter" && family !== "inet")
      return `${family === "ip" ? "iptables" : "ip6tables"} -I ${chain} -${letter} ${bridge} -j ACCEPT`;
    return `nft insert rule ${family} ${table} ${chain} ${letter}ifname ${bridge} accept`;
  };
  return (
    `the firewall chain ${chain} (table ${family} ${table}) drops what is forwarded and does not name ` +
    `${bridges.join(", ")}: published ports and the way out may be closed; to open them: ` +
    `${allow("in")} && ${allow("out")}`
  );
}
