import { EngineError } from "../../errors.ts";
import type { PublishPolicy } from "../../native-types/native.ts";
import { contains, overlaps, type Prefix, parseAddress, parseCidr } from "./address.ts";
import { parseBridgeOptions, parseIpvlanOptions, parseMacvlanOptions } from "./create/options.ts";
import { type DefaultPool, parseDefaultPools, type WrittenPool } from "./ipam/default-pools.ts";

/** Flags of `rt daemon` about networks, as typed. */
export interface NetworkFlags {
  bip?: string;
  bip6?: string;
  fixedCidr?: string;
  fixedCidrV6?: string;
  defaultGateway?: string;
  defaultGatewayV6?: string;
  /** "base=10.10.0.0/16,size=24" */
  defaultAddressPools: string[];
  /** "DRIVER=OPTION=VALUE" */
  defaultNetworkOptions: string[];
  mtu?: number;
  ipv6?: boolean;
  icc?: boolean;
  /** Where ports are published that do not say. */
  ip?: string;
  ipMasq?: boolean;
  ipForward?: boolean;
  publishPolicy?: string;
  /** Networks of containers that are made ahead at most. */
  pool?: number;
}

/** Keys of the configuration file about networks, by the kind of their values. */
export const networkFileKeys = {
  bip: "string",
  bip6: "string",
  "fixed-cidr": "string",
  "fixed-cidr-v6": "string",
  "default-gateway": "string",
  "default-gateway-v6": "string",
  "default-address-pools": "pools",
  "default-network-opts": "maps",
  mtu: "number",
  ipv6: "boolean",
  icc: "boolean",
  ip: "string",
  "ip-masq": "boolean",
  "ip-forward": "boolean",
  "publish-policy": "string",
  "network-pool": "number",
} as const;

export interface NetworkFile {
  bip?: string;
  bip6?: string;
  "fixed-cidr"?: string;
  "fixed-cidr-v6"?: string;
  "default-gateway"?: string;
  "default-gateway-v6"?: string;
  "default-address-pools"?: WrittenPool[];
  "default-network-opts"?: Record<string, Record<string, string>>;
  mtu?: number;
  ipv6?: boolean;
  icc?: boolean;
  ip?: string;
  "ip-masq"?: boolean;
  "ip-forward"?: boolean;
  "publish-policy"?: string;
  "network-pool"?: number;
}

/** Addresses of the default bridge, of one family; null where the engine chooses. */
export interface BridgeAddresses {
  /** Its own, with a prefix. */
  bip: string | null;
  /** What containers are given addresses from. */
  fixedCidr: string | null;
  /** Where containers send what leaves, if not to the bridge itself. */
  gateway: string | null;
}

/** The daemon's settings about networks, complete and valid. */
export interface NetworkConfig {
  addresses4: BridgeAddresses;
  addresses6: BridgeAddresses;
  /** None of a family stands for the engine's own choice. */
  defaultPools: DefaultPool[];
  /** By driver. */
  defaultOptions: Record<string, Record<string, string>>;
  /** Bytes, of the default bridge. */
  mtu: number;
  ipv6: boolean;
  icc: boolean;
  /** "" for every address. */
  hostBinding: string;
  masquerade: boolean;
  /** Forwarding is switched on with the first bridge. */
  forwarding: boolean;
  publishPolicy: PublishPolicy;
  /** As many networks are made ahead of starts at most. */
  pool: number;
}

const pools = { usual: 8, most: 64 };

/** Flags win over the file; lists are joined. Throws invalid_argument. */
export function readNetworkConfig(flags: NetworkFlags, file: NetworkFile): NetworkConfig {
  const mtu = flags.mtu ?? file.mtu ?? 0;
  if (mtu !== 0 && (mtu < 68 || mtu > 65535))
    throw refuse("--mtu", String(mtu), "give a number of bytes from 68 to 65535");
  const pool = flags.pool ?? file["network-pool"] ?? pools.usual;
  if (!Number.isInteger(pool) || pool < 0 || pool > pools.most)
    throw refuse("--network-pool", String(pool), `give a number from 0 to ${pools.most}`);
  const hostBinding = flags.ip ?? file.ip ?? "";
  if (hostBinding !== "" && parseAddress(hostBinding)?.family !== 4)
    throw refuse("--ip", hostBinding, "give an IPv4 address of this host");
  const addresses6 = readAddresses(6, {
    bip: flags.bip6 ?? file.bip6,
    fixedCidr: flags.fixedCidrV6 ?? file["fixed-cidr-v6"],
    gateway: flags.defaultGatewayV6 ?? file["default-gateway-v6"],
  });
  return {
    addresses4: readAddresses(4, {
      bip: flags.bip ?? file.bip,
      fixedCidr: flags.fixedCidr ?? file["fixed-cidr"],
      gateway: flags.defaultGateway ?? file["default-gateway"],
    }),
    addresses6,
    defaultPools: parseDefaultPools([
      ...flags.defaultAddressPools.map(parsePoolFlag),
      ...(file["default-address-pools"] ?? []),
    ]),
    defaultOptions: readDefaultOptions(flags.defaultNetworkOptions, file["default-network-opts"]),
    mtu: mtu || 1500,
    ipv6: flags.ipv6 ?? file.ipv6 ?? false,
    icc: flags.icc ?? file.icc ?? true,
    hostBinding: hostBinding === "0.0.0.0" ? "" : hostBinding,
    masquerade: flags.ipMasq ?? file["ip-masq"] ?? true,
    forwarding: flags.ipForward ?? file["ip-forward"] ?? true,
    publishPolicy: parsePolicy(flags.publishPolicy ?? file["publish-policy"] ?? "docker"),
    pool,
  };
}

function parsePolicy(text: string): PublishPolicy {
  if (text === "docker" || text === "respect-firewall") return text;
  throw refuse("--publish-policy", text, 'give "docker" or "respect-firewall"');
}

type GivenAddresses = { [Key in keyof BridgeAddresses]: string | undefined };

function readAddresses(family: 4 | 6, given: GivenAddresses): BridgeAddresses {
  const names =
    family === 4
      ? { bip: "--bip", fixedCidr: "--fixed-cidr", gateway: "--default-gateway" }
      : { bip: "--bip6", fixedCidr: "--fixed-cidr-v6", gateway: "--default-gateway-v6" };
  const example = family === 4 ? "172.17.0.1/16" : "fd00:17::1/64";
  const own = given.bip === undefined ? undefined : parseBip(family, names.bip, given.bip, example);
  const range = given.fixedCidr === undefined ? undefined : parseCidr(given.fixedCidr)?.prefix;
  if (given.fixedCidr !== undefined && range?.family !== family)
    throw refuse(names.fixedCidr, given.fixedCidr, `give an IPv${family} subnet`);
  if (own && range && !(overlaps(own, range) && range.length >= own.length)) {
    const why = `it is no part of the bridge's subnet, that of ${names.bip}`;
    throw refuse(names.fixedCidr, given.fixedCidr ?? "", why);
  }
  checkGateway(names.gateway, given.gateway, family, own ?? range);
  return {
    bip: given.bip ?? null,
    fixedCidr: given.fixedCidr ?? null,
    gateway: given.gateway ?? null,
  };
}

/** An address that a host can have, with the prefix of a subnet that has room for others. */
function parseBip(family: 4 | 6, flag: string, text: string, example: string): Prefix {
  const cidr = parseCidr(text);
  const most = family === 4 ? 30 : 126;
  const fits =
    cidr !== undefined &&
    cidr.prefix.family === family &&
    cidr.prefix.length >= 8 &&
    cidr.prefix.length <= most &&
    cidr.address !== cidr.prefix.base;
  if (fits) return cidr.prefix;
  throw new EngineError(
    "invalid_argument",
    `invalid bridge address ${JSON.stringify(text)} for ${flag}: give one such as ${example}`,
  );
}

function checkGateway(
  flag: string,
  text: string | undefined,
  family: 4 | 6,
  subnet: Prefix | undefined,
): void {
  if (text === undefined) return;
  const address = parseAddress(text);
  if (address?.family !== family) throw refuse(flag, text, `give an IPv${family} address`);
  if (subnet !== undefined && !contains(subnet, family, address.value))
    throw refuse(flag, text, "default gateway ip must be part of the network");
}

function parsePoolFlag(text: string): WrittenPool {
  const fields = new Map(text.split(",").map((field) => splitOnce(field)));
  const [base, size] = [fields.get("base"), fields.get("size")];
  if (fields.size === 2 && base !== undefined && /^\d{1,3}$/.test(size ?? ""))
    return { base, size: Number(size) };
  throw refuse("--default-address-pool", text, "give base=SUBNET,size=LENGTH");
}

const optionParsers: Record<string, (options: Record<string, string>) => unknown> = {
  bridge: parseBridgeOptions,
  macvlan: parseMacvlanOptions,
  ipvlan: parseIpvlanOptions,
};

function readDefaultOptions(
  flags: string[],
  file: NetworkFile["default-network-opts"] = {},
): Record<string, Record<string, string>> {
  const options = structuredClone(file);
  for (const text of flags) {
    const [driver, rest] = splitOnce(text);
    const [name, value] = splitOnce(rest);
    if (driver === "" || name === "" || !rest.includes("="))
      throw refuse("--default-network-opt", text, "give DRIVER=OPTION=VALUE");
    options[driver] = { ...options[driver], [name]: value };
  }
  for (const [driver, chosen] of Object.entries(options)) {
    const parse = Object.hasOwn(optionParsers, driver) ? optionParsers[driver] : undefined;
    if (parse === undefined)
      throw refuse("--default-network-opt", driver, "its networks have no options");
    parse(chosen);
  }
  return options;
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function refuse(flag: string, value: string, why: string): EngineError {
  return new EngineError(
    "invalid_argument",
    `invalid value ${JSON.stringify(value)} for ${flag}: ${why}`,
  );
}
