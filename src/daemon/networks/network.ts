/** What networks and the places of containers in them are. */

export type NetworkDriver = "bridge" | "host" | "null" | "macvlan" | "ipvlan";

/** Fixed at create. */
export interface Network {
  /** 64 hex digits. */
  id: string;
  name: string;
  /** RFC 3339, UTC, nanoseconds. */
  createdAt: string;
  driver: NetworkDriver;
  enableIpv4: boolean;
  enableIpv6: boolean;
  /** No way out. */
  internal: boolean;
  attachable: boolean;
  /** Carries settings for other networks, and no container. */
  configOnly: boolean;
  /** Name of the network that such settings came from, "" for none. */
  configFrom: string;
  /** IPv4 first; none for host and null. */
  pools: Pool[];
  /** As asked for, "com.docker.network.bridge.name" … */
  options: Record<string, string>;
  ipamDriver: "default" | "null";
  /** Null for who said nothing of them. */
  ipamOptions: Record<string, string> | null;
  labels: Record<string, string>;
}

/** Addresses of a network, of one family. */
export interface Pool {
  /** "172.18.0.0/16", "fd00:1::/64" */
  subnet: string;
  /** Part of the subnet that addresses are given from, null for all of it. */
  range: string | null;
  /** Without prefix; null for a network that has none. */
  gateway: string | null;
  /** Addresses that are kept free, by name. */
  auxiliary: Record<string, string>;
  /** The subnet was asked for, not chosen: containers may ask for addresses in it. */
  isConfigured: boolean;
}

/** What a container asks of a network; kept in its record, by the network's name. */
export interface Attachment {
  aliases: string[];
  /** "container" or "container:alias" */
  links: string[];
  /** Static addresses, "" to be given one. */
  address: string;
  address6: string;
  linkLocal: string[];
  /** "" lets it follow from the address. */
  macAddress: string;
  driverOptions: Record<string, string>;
  /** The highest is the way out. */
  gatewayPriority: number;
}

/** A container's place in a network while it runs. */
export interface Endpoint {
  networkId: string;
  /** 64 hex digits, another one at each start. */
  endpointId: string;
  /** In the container, "eth0". */
  interface: string;
  /** The host's end of its veth pair, "" where it has none. */
  hostInterface: string;
  /** "" and 0 for a family that the network has not. */
  address: string;
  prefixLength: number;
  gateway: string;
  address6: string;
  prefixLength6: number;
  gateway6: string;
  macAddress: string;
  /** This one is the way out, by family. */
  isGateway: { ipv4: boolean; ipv6: boolean };
  /** While it is made or taken away: a daemon that finds it so takes it away. */
  isUnsettled?: true;
}

/** Ports of a container as they are published, on the wire too: "80/tcp" → where. */
export type PortMap = Record<string, { HostIp: string; HostPort: string }[]>;

/** The networks that every engine has. */
export const predefined = ["bridge", "host", "none"] as const;

/** True for a network that a user made: there names are resolved, and addresses can be chosen. */
export function isUserDefined(name: string): boolean {
  return !(predefined as readonly string[]).includes(name);
}
