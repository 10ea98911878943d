import { checkShape, type Fields, ListOf } from "../../http/shape.ts";

/** POST /networks/create as a client wrote it; "" and undefined for what it left out. */
export interface NetworkRequest {
  name: string;
  driver: string;
  scope: string;
  enableIpv4: boolean | undefined;
  enableIpv6: boolean | undefined;
  internal: boolean;
  attachable: boolean;
  ingress: boolean;
  configOnly: boolean;
  configFrom: string;
  ipam: IpamRequest;
  options: Record<string, string>;
  labels: Record<string, string>;
}

export interface IpamRequest {
  driver: string;
  options: Record<string, string> | null;
  pools: PoolRequest[];
}

export interface PoolRequest {
  subnet: string;
  range: string;
  gateway: string;
  auxiliary: Record<string, string>;
}

const networkShape: Fields = {
  Name: "string",
  Driver: "string",
  Scope: "string",
  CheckDuplicate: "boolean",
  EnableIPv4: "boolean",
  EnableIPv6: "boolean",
  Internal: "boolean",
  Attachable: "boolean",
  Ingress: "boolean",
  ConfigOnly: "boolean",
  ConfigFrom: { Network: "string" },
  IPAM: {
    Driver: "string",
    Options: "texts",
    Config: new ListOf({
      Subnet: "string",
      IPRange: "string",
      Gateway: "string",
      AuxiliaryAddresses: "texts",
    }),
  },
  Options: "texts",
  Labels: "texts",
};

/** Docker's names. */
interface WireRequest {
  Name?: string;
  Driver?: string;
  Scope?: string;
  EnableIPv4?: boolean;
  EnableIPv6?: boolean;
  Internal?: boolean;
  Attachable?: boolean;
  Ingress?: boolean;
  ConfigOnly?: boolean;
  ConfigFrom?: { Network?: string };
  IPAM?: {
    Driver?: string;
    Options?: Record<string, string>;
    Config?: {
      Subnet?: string;
      IPRange?: string;
      Gateway?: string;
      AuxiliaryAddresses?: Record<string, string>;
    }[];
  };
  Options?: Record<string, string>;
  Labels?: Record<string, string>;
}

export function parseNetworkRequest(body: Record<string, unknown>): NetworkRequest {
  checkShape(body, networkShape);
  const wire: WireRequest = body;
  return {
    name: wire.Name ?? "",
    driver: wire.Driver ?? "",
    scope: wire.Scope ?? "",
    enableIpv4: wire.EnableIPv4,
    enableIpv6: wire.EnableIPv6,
    internal: wire.Internal ?? false,
    attachable: wire.Attachable ?? false,
    ingress: wire.Ingress ?? false,
    configOnly: wire.ConfigOnly ?? false,
    configFrom: wire.ConfigFrom?.Network ?? "",
    ipam: {
      driver: wire.IPAM?.Driver ?? "",
      options: wire.IPAM?.Options ?? null,
      pools: (wire.IPAM?.Config ?? []).map((pool) => ({
        subnet: pool.Subnet ?? "",
        range: pool.IPRange ?? "",
        gateway: pool.Gateway ?? "",
        auxiliary: pool.AuxiliaryAddresses ?? {},
      })),
    },
    options: wire.Options ?? {},
    labels: wire.Labels ?? {},
  };
}
