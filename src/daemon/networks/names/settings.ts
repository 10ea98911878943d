import { isIP } from "node:net";
import { EngineError } from "../../../errors.ts";
import type { AskedResolver } from "./resolv-conf.ts";

/** Flags of `rt daemon` about names, as typed. */
export interface NameFlags {
  dns: string[];
  dnsSearch: string[];
  dnsOptions: string[];
  hostGateways: string[];
}

/** Keys of the configuration file about names, by the kind of their values. */
export const nameFileKeys = {
  dns: "strings",
  "dns-search": "strings",
  "dns-opts": "strings",
  "host-gateway-ip": "string",
  "host-gateway-ips": "strings",
} as const;

export interface NameFile {
  dns?: string[];
  "dns-search"?: string[];
  "dns-opts"?: string[];
  "host-gateway-ip"?: string;
  "host-gateway-ips"?: string[];
}

export interface NameConfig {
  /** For containers that do not say whom to ask. */
  defaults: AskedResolver;
  /** What "host-gateway" stands for, at most one of each family; none: where a container finds its host. */
  hostGateways: string[];
}

/** Lists of flags and file are joined. Throws invalid_argument. */
export function readNameConfig(flags: NameFlags, file: NameFile): NameConfig {
  const servers = [...flags.dns, ...(file.dns ?? [])];
  for (const server of servers) checkAddress("--dns", server);
  const single = file["host-gateway-ip"];
  const hostGateways = [
    ...flags.hostGateways,
    ...(file["host-gateway-ips"] ?? []),
    ...(single === undefined ? [] : [single]),
  ];
  for (const gateway of hostGateways) checkAddress("--host-gateway-ip", gateway);
  const families = hostGateways.map(isIP);
  if (new Set(families).size < families.length) {
    throw new EngineError(
      "invalid_argument",
      "only one IPv4 and one IPv6 host gateway IP address can be specified",
    );
  }
  const search = [...flags.dnsSearch, ...(file["dns-search"] ?? [])];
  const options = [...flags.dnsOptions, ...(file["dns-opts"] ?? [])];
  for (const word of [...search, ...options]) checkWord(word);
  return { defaults: { servers, search, options }, hostGateways };
}

function checkAddress(flag: string, text: string): void {
  if (isIP(text) !== 0) return;
  throw new EngineError(
    "invalid_argument",
    `invalid ${flag} ${JSON.stringify(text)}: give an IPv4 or IPv6 address`,
  );
}

function checkWord(word: string): void {
  if (!/[\s\p{Cc}]/u.test(word)) return;
  const quoted = JSON.stringify(word);
  throw new EngineError("invalid_argument", `invalid word for resolv.conf: ${quoted}`);
}
