/**
 * Who reaches whom, and as whom: every row, and what is to come of it. Expected is what Docker 28 does by
 * default, with the userland proxy's part (loopback, containers by an address of the host) done without one.
 */
import type { NetworkWish } from "../../support/members.ts";

export type Family = "ipv4" | "ipv6";

export interface TestedNetwork extends NetworkWish {
  name: string;
  families: Family[];
  /** Containers of it reach each other. */
  icc: boolean;
  internal: boolean;
  /**
   * What leaves has the container's own address, and by that alone what is published is reached from elsewhere.
   */
  routed: boolean;
}

const dual = { ipv6: true, families: ["ipv4", "ipv6"], icc: true, internal: false, routed: false };

const network = (name: string, wish: Partial<TestedNetwork>): TestedNetwork => ({
  ...(dual as Omit<TestedNetwork, "name">),
  name,
  ...wish,
});

const option = (name: string, value: string) => ({ [`com.docker.network.${name}`]: value });

export const networks: TestedNetwork[] = [
  network("bridge", { families: ["ipv4"] }),
  network("single", { ipv6: false, families: ["ipv4"] }),
  network("dual", { subnets: ["10.20.0.0/24", "fd00:20::/64"] }),
  network("six", { ipv4: false, families: ["ipv6"] }),
  network("inward", { internal: true }),
  network("mute", { icc: false, options: option("bridge.enable_icc", "false") }),
  network("routed", {
    routed: true,
    options: {
      ...option("bridge.gateway_mode_ipv4", "routed"),
      ...option("bridge.gateway_mode_ipv6", "routed"),
    },
  }),
];

/** Where a call comes from. */
export type From =
  | "host"
  | "self"
  | "same network"
  | "other network"
  /** Machines: with a route to the containers, without, and behind a router that has one. */
  | "near"
  | "other"
  | "far";

const everywhere: From[] = [
  "host",
  "self",
  "same network",
  "other network",
  "near",
  "other",
  "far",
];
const fromContainers: From[] = ["self", "same network", "other network"];

/** What is called. */
export type Target =
  /** A port published on every address, by the host's loopback, one address, another, the bridge's. */
  | "any by loopback"
  | "any by host"
  | "any by second"
  | "any by gateway"
  /** A port published on one address, by that and by another. */
  | "one by host"
  | "one by second"
  /** A port published on the loopback, by that and by another address. */
  | "loopback by loopback"
  | "loopback by host"
  /** The container's own address: a port that is published, and one that is not. */
  | "container"
  | "container unpublished";

const callers: Record<Target, From[]> = {
  "any by loopback": ["host"],
  "any by host": everywhere,
  "any by second": everywhere,
  "any by gateway": ["host", ...fromContainers],
  "one by host": everywhere,
  "one by second": everywhere,
  "loopback by loopback": ["host"],
  "loopback by host": everywhere,
  container: ["host", "self", "same network", "other network", "near", "far"],
  "container unpublished": ["host", "self", "same network", "other network", "near", "far"],
};

export interface Row {
  network: TestedNetwork;
  target: Target;
  protocol: "tcp" | "udp" | "sctp";
  family: Family;
  from: From;
  /** Bridges hand their frames to netfilter (`br_netfilter`). */
  filtered: boolean;
}

export const nameOf = ({ network: { name }, target, protocol, family, from }: Row): string =>
  `${name}: ${target} ${protocol} ${family} from ${from}`;

/** "own": the server sees the caller's own address; "any": it may see another. */
export type Outcome = "own" | "any" | "nothing";

const isContainer = (target: Target): boolean => target.startsWith("container");

/** Undefined where Docker says nothing. */
export function expected({ network, target, from, family, filtered }: Row): Outcome | undefined {
  if (isContainer(target)) return expectedDirectly(network, target, from);
  if (network.internal || network.routed) return "nothing";
  // What comes back to ::1 has that address before it leaves the bridge, and is no guest of the kernel.
  if (filtered && family === "ipv6" && target.endsWith("by loopback")) return "nothing";
  if (target === "one by second" || target === "loopback by host") return "nothing";
  // Translated on the way, the host and the network's own containers may be seen as the gateway.
  return from === "near" || from === "other" || from === "far" ? "own" : "any";
}

function expectedDirectly(network: TestedNetwork, target: Target, from: From): Outcome | undefined {
  switch (from) {
    case "host":
    case "self":
      return "any";
    case "same network":
      return network.icc ? "own" : "nothing";
    case "other network":
      // Docker changed its mind with its versions.
      return network.routed && target === "container" ? undefined : "nothing";
    default:
      return network.routed && target === "container" ? "own" : "nothing";
  }
}

type Asked = Pick<Row, "network" | "filtered"> & { protocols: Row["protocol"][] };

function rowsOf({ network, protocols, filtered }: Asked): Row[] {
  return network.families.flatMap((family) =>
    protocols.flatMap((protocol) =>
      (Object.keys(callers) as Target[]).flatMap((target) =>
        callers[target].map((from) => ({ network, target, protocol, family, from, filtered })),
      ),
    ),
  );
}

/** Every row that says something. */
export const rowsFor = (asked: Asked): Row[] =>
  rowsOf(asked).filter((row) => expected(row) !== undefined);
