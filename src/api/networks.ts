/** Networks on the wire, by Docker's own names. Types only. */

export interface IpamPool {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** One of GET /networks. */
export interface NetworkSummary {
  Name: string;
  Id: string;
  Created: string;
  Scope: string;
  Driver: string;
  EnableIPv4: boolean;
  EnableIPv6: boolean;
  IPAM: {
    Driver: string;
    Options: Record<string, string> | null;
    Config: IpamPool[] | null;
  };
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: { Network: string };
  ConfigOnly: boolean;
  Options: Record<string, string>;
  Labels: Record<string, string>;
  /** Empty in lists, and since API 1.52 absent there. */
  Containers?: Record<string, NetworkMember>;
}

/** GET /networks/{id} */
export interface NetworkInspect extends NetworkSummary {
  /** By the container's id. */
  Containers: Record<string, NetworkMember>;
  /** Since API 1.52. */
  Status?: {
    IPAM: { Subnets: Record<string, { IPsInUse: number; DynamicIPsAvailable: number }> };
  };
}

export interface NetworkMember {
  Name: string;
  EndpointID: string;
  MacAddress: string;
  IPv4Address: string;
  IPv6Address: string;
}

/** Reply to POST /networks/create. */
export interface NetworkCreated {
  Id: string;
  Warning: string;
}

/** Reply to POST /networks/prune. */
export interface NetworksPruned {
  NetworksDeleted: string[] | null;
}
