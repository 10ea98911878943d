/**
 * What the addon is told of networks. Addresses are text: IPv4 dotted, IPv6 as RFC 5952 writes it; a prefix
 * follows a slash where one belongs to it. Interface names have at most 15 bytes.
 */

/** A bridge that the host carries for one network, with the rules that go with it. */
export interface BridgePlan {
  /** Of the interface. */
  name: string;
  /** The host's own, each with its prefix; none where the host has no address in the network. */
  addresses: string[];
  /** What belongs to the network, one for each family that is on, "172.17.0.0/16". */
  subnets: string[];
  /** Bytes; containers on the bridge inherit it. */
  mtu: number;
  rules: NetworkRules;
  /** The host's ends of containers' wires, which hang on it again if somebody has removed it under them. */
  wires?: string[];
}

/** Who may reach whom. */
export interface NetworkRules {
  /** What leaves for elsewhere carries the host's address. */
  masquerade: boolean;
  /**
   * Others know the way to the network: nothing is masqueraded, and published ports are reached at the containers'
   * own addresses too.
   */
  routed: { ipv4: boolean; ipv6: boolean };
  /** The address to carry instead of the one of the interface that it leaves by, by family. */
  sourceAddress?: { ipv4?: string; ipv6?: string };
  /** Nothing leaves, nothing comes in, but for the host itself. */
  internal: boolean;
  /** Containers of the network may reach each other. */
  icc: boolean;
}

/** One interface of a container. */
export interface EndpointPlan {
  link: LinkPlan;
  /** In the container, "eth0". */
  interface: string;
  /** Each with its prefix; none for a network without address management. */
  addresses: string[];
  /**
   * Default routes to set in place of those there are, at most one for each family; only of the endpoint
   * that is the way out. "0.0.0.0" and "::" are a route without a router (ipvlan l3).
   */
  gateways: string[];
  /** "02:42:ac:11:00:02"; "" leaves it to the kernel (always for ipvlan). */
  mac: string;
  /** False: not even a link-local address. */
  ipv6: boolean;
  /** Below /proc/sys, with dots, the interface's name in them already: "net.ipv4.conf.eth0.log_martians". */
  sysctls: Record<string, string>;
}

export type LinkPlan =
  | {
      kind: "bridge";
      bridge: string;
      /** The host's end of the veth pair; another one at each start. */
      hostInterface: string;
      /** Where icc is off: out of the reach of its neighbours, also where rules cannot see to it within a bridge. */
      isolated: boolean;
    }
  | {
      kind: "macvlan";
      /** Interface of the host. */
      parent: string;
      mode: "bridge" | "private" | "vepa" | "passthru";
      /** Bytes; 0 is that of the parent. */
      mtu: number;
    }
  | {
      kind: "ipvlan";
      parent: string;
      mode: "l2" | "l3" | "l3s";
      flag: "bridge" | "private" | "vepa";
      mtu: number;
    };

/** A port of a container that is to be reached by addresses of the host, at one number for all of them. */
export interface PortPlan {
  protocol: Protocol;
  /** Both ends included; the first that is free is taken, and [0, 0] leaves the choice to us. */
  hostPorts: [first: number, last: number];
  containerPort: number;
  /** At least one. Together, for a client should not meet another number where a name leads to both families. */
  at: PortAddress[];
  /** At the container's own address alone: no number of the host's is taken, and what comes of it has 0. */
  direct: boolean;
}

export type Protocol = "tcp" | "udp" | "sctp";

/** Both of one family. */
export interface PortAddress {
  /** "0.0.0.0" and "::" stand for every address of their family. */
  hostAddress: string;
  containerAddress: string;
}

/** A port as it was published, at one address. */
export interface PublishedPort extends PortAddress {
  protocol: Protocol;
  /** 0: at the container's own address alone. */
  hostPort: number;
  containerPort: number;
}

/** What changes of a container's ports: all of it or nothing. */
export interface PortChange {
  /** Its id. */
  container: string;
  /** Goes first, so that what it leaves can be taken. */
  remove: PublishedPort[];
  add: PortPlan[];
}
