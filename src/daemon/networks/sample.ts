import type { Network, Pool } from "./network.ts";

/** For unit tests: a bridge network with these pools, of whose families it is. */
export function sampleNetwork(
  pools: (Partial<Pool> & { subnet: string })[],
  changes: Partial<Network> = {},
): Network {
  return {
    ...{ id: "f".repeat(64), name: "net", createdAt: "2026-01-02T03:04:05.000000006Z" },
    ...{ driver: "bridge", ipamDriver: "default", configFrom: "" },
    ...{ internal: false, attachable: false, configOnly: false },
    ...{ options: {}, ipamOptions: {}, labels: {} },
    enableIpv4: pools.some(({ subnet }) => !subnet.includes(":")),
    enableIpv6: pools.some(({ subnet }) => subnet.includes(":")),
    pools: pools.map((pool) => ({
      ...{ range: null, gateway: null, auxiliary: {}, isConfigured: true },
      ...pool,
    })),
    ...changes,
  };
}
