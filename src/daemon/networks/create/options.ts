import { EngineError } from "../../../errors.ts";
import { formatAddress, parseAddress } from "../address.ts";

/** Names of options that this engine acts on; it keeps others and leaves them alone, as Docker does. */
export const optionNames = {
  bridgeName: "com.docker.network.bridge.name",
  defaultBridge: "com.docker.network.bridge.default_bridge",
  icc: "com.docker.network.bridge.enable_icc",
  masquerade: "com.docker.network.bridge.enable_ip_masquerade",
  hostBinding: "com.docker.network.bridge.host_binding_ipv4",
  inhibitIpv4: "com.docker.network.bridge.inhibit_ipv4",
  gatewayMode4: "com.docker.network.bridge.gateway_mode_ipv4",
  gatewayMode6: "com.docker.network.bridge.gateway_mode_ipv6",
  trustedInterfaces: "com.docker.network.bridge.trusted_host_interfaces",
  mtu: "com.docker.network.driver.mtu",
  hostIpv4: "com.docker.network.host_ipv4",
  hostIpv6: "com.docker.network.host_ipv6",
  interfacePrefix: "com.docker.network.container_iface_prefix",
  enableIpv4: "com.docker.network.enable_ipv4",
  enableIpv6: "com.docker.network.enable_ipv6",
  parent: "parent",
  macvlanMode: "macvlan_mode",
  ipvlanMode: "ipvlan_mode",
  ipvlanFlag: "ipvlan_flag",
} as const;

export type GatewayMode = "nat" | "routed" | "isolated";

/** What the options of a bridge network mean. */
export interface BridgeOptions {
  /** "" lets it follow from the network's id. */
  name: string;
  icc: boolean;
  masquerade: boolean;
  /** The bridge gets no IPv4 address: something else in the network is its gateway. */
  inhibitIpv4: boolean;
  gatewayMode4: GatewayMode;
  gatewayMode6: GatewayMode;
  /** 0 for the daemon's. */
  mtu: number;
  /** Where ports are published that do not say, "" for every address. */
  hostBinding: string;
  /** What leaves the host carries these addresses, "" for those of the interface that it leaves by. */
  hostIpv4: string;
  hostIpv6: string;
  /** Of a container's interfaces. */
  interfacePrefix: string;
}

type Options = Readonly<Record<string, string>>;

export function parseBridgeOptions(options: Options): BridgeOptions {
  if (options[optionNames.trustedInterfaces]) {
    throw new EngineError(
      "not_implemented",
      `the option ${optionNames.trustedInterfaces} is not supported by this engine yet`,
    );
  }
  return {
    name: parseInterface(options, optionNames.bridgeName, 15),
    icc: parseSwitch(options, optionNames.icc, true),
    masquerade: parseSwitch(options, optionNames.masquerade, true),
    inhibitIpv4: parseSwitch(options, optionNames.inhibitIpv4, false),
    gatewayMode4: parseGatewayMode(options, optionNames.gatewayMode4),
    gatewayMode6: parseGatewayMode(options, optionNames.gatewayMode6),
    mtu: parseMtu(options),
    hostBinding: parseHostAddress(options, optionNames.hostBinding),
    hostIpv4: parseHostAddress(options, optionNames.hostIpv4, 4),
    hostIpv6: parseHostAddress(options, optionNames.hostIpv6, 6),
    // Room for a number in the kernel's 15 bytes.
    interfacePrefix: parseInterface(options, optionNames.interfacePrefix, 12) || "eth",
  };
}

export interface MacvlanOptions {
  parent: string;
  mode: "bridge" | "private" | "vepa" | "passthru";
}

export function parseMacvlanOptions(options: Options): MacvlanOptions {
  const modes = ["bridge", "private", "vepa", "passthru"] as const;
  return {
    parent: parseParent(options, "macvlan"),
    mode: parseChoice(options, optionNames.macvlanMode, modes, "macvlan mode", "'bridge' mode"),
  };
}

export interface IpvlanOptions {
  parent: string;
  mode: "l2" | "l3" | "l3s";
  flag: "bridge" | "private" | "vepa";
}

export function parseIpvlanOptions(options: Options): IpvlanOptions {
  const modes = ["l2", "l3", "l3s"] as const;
  const flags = ["bridge", "private", "vepa"] as const;
  return {
    parent: parseParent(options, "ipvlan"),
    mode: parseChoice(options, optionNames.ipvlanMode, modes, "ipvlan mode", "'l2' mode"),
    flag: parseChoice(options, optionNames.ipvlanFlag, flags, "ipvlan flag", "'bridge'"),
  };
}

/** A switch among the options that stands for a field of the request. */
export function parseFamilySwitch(options: Options, name: string, absent: boolean): boolean {
  const value = options[name];
  if (value === undefined) return absent;
  const parsed = parseGoBool(value);
  if (parsed !== undefined) return parsed;
  throw new EngineError("invalid_argument", `driver-opt "${name}" is not a valid bool`);
}

/** The words that Go's ParseBool takes. */
export function parseGoBool(text: string): boolean | undefined {
  if (/^(1|t|T|true|True|TRUE)$/.test(text)) return true;
  if (/^(0|f|F|false|False|FALSE)$/.test(text)) return false;
  return undefined;
}

function parseSwitch(options: Options, name: string, absent: boolean): boolean {
  const value = options[name];
  if (value === undefined) return absent;
  const parsed = parseGoBool(value);
  if (parsed !== undefined) return parsed;
  throw refuse(name, value, `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
}

/** The kernel takes an MTU up to 65535 on a bridge, and IPv4 needs 68 (RFC 791). */
function parseMtu(options: Options): number {
  const value = options[optionNames.mtu];
  if (value === undefined) return 0;
  if (!/^[-+]?\d+$/.test(value)) {
    const why = `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`;
    throw refuse(optionNames.mtu, value, why);
  }
  const mtu = Number(value);
  if (mtu === 0 || (mtu >= 68 && mtu <= 65535)) return mtu;
  throw new EngineError("invalid_argument", `invalid MTU number: ${value}`);
}

function parseGatewayMode(options: Options, name: string): GatewayMode {
  const value = options[name];
  if (value === undefined) return "nat";
  if (value === "nat" || value === "routed" || value === "isolated") return value;
  if (value === "nat-unprotected") {
    throw new EngineError(
      "not_implemented",
      `the gateway mode ${value} is not supported by this engine: what is not published stays closed`,
    );
  }
  throw refuse(name, value, `unknown gateway mode ${value}`);
}

function parseHostAddress(options: Options, name: string, family?: 4 | 6): string {
  const value = options[name];
  if (value === undefined) return "";
  const address = parseAddress(value);
  if (address === undefined || (family !== undefined && address.family !== family))
    throw refuse(name, value, "nil ip");
  return formatAddress(address.family, address.value);
}

/** What the kernel takes as an interface's name, see dev_valid_name() in net/core/dev.c. */
export function isInterfaceName(text: string, limit = 15): boolean {
  return (
    text !== "." &&
    text !== ".." &&
    Buffer.byteLength(text) <= limit &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    /^[^\s/:\u0000-\u001f]+$/.test(text)
  );
}

function parseInterface(options: Options, name: string, limit: number): string {
  const value = options[name] ?? "";
  if (value === "" || isInterfaceName(value, limit)) return value;
  const why = `an interface's name has at most ${limit} bytes, no blanks, slashes and colons`;
  throw refuse(name, value, why);
}

function parseParent(options: Options, driver: string): string {
  const parent = parseInterface(options, optionNames.parent, 15);
  if (parent !== "lo") return parent;
  throw new EngineError(
    "invalid_argument",
    `loopback interface is not a valid ${driver} parent link`,
  );
}

function parseChoice<Choice extends string>(
  options: Options,
  name: string,
  choices: readonly [Choice, ...Choice[]],
  what: string,
  preset: string,
): Choice {
  const value = options[name] ?? "";
  const found = value === "" ? choices[0] : choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  const driver = what.split(" ", 1)[0];
  throw new EngineError(
    "invalid_argument",
    `requested ${what} '${value}' is not valid, ${preset} is the ${driver} driver default`,
  );
}

function refuse(name: string, value: string, why: string): EngineError {
  return new EngineError("invalid_argument", `failed to parse ${name} value: ${value} (${why})`);
}
