import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { EndpointSettings } from "../../../api/types.ts";
import { EngineError } from "../../../errors.ts";
import { plainAttachment } from "../../networks/attachment.ts";
import { sysctlsOption } from "../../networks/endpoint-plan.ts";
import { interfaceOption } from "../../networks/interface-names.ts";
import { type Attachment, isUserDefined, type Network } from "../../networks/network.ts";
import { parseLink } from "./links.ts";
import { parseMacAddress } from "./mac-address.ts";

/** What settings ask of a network. Throws invalid_argument with all that is wrong, in Docker's words. */
export function parseAttachment(settings: EndpointSettings, network: Network): Attachment {
  const objections = [...findObjections(settings, network)];
  if (objections.length > 0) {
    const all = joinLines(objections);
    const hint = hintAtAddresses(settings, network);
    throw new EngineError("invalid_argument", `invalid endpoint settings:\n${all}`, hint);
  }
  const { IPAMConfig: ipam, DriverOpts: driverOptions } = settings;
  return plainAttachment({
    aliases: [...new Set(settings.Aliases ?? [])],
    links: settings.Links ?? [],
    address: ipam?.IPv4Address ?? "",
    address6: ipam?.IPv6Address ?? "",
    linkLocal: ipam?.LinkLocalIPs ?? [],
    macAddress: settings.MacAddress ? parseMacAddress(settings.MacAddress) : "",
    driverOptions: driverOptions ?? {},
    gatewayPriority: settings.GwPriority ?? 0,
  });
}

/** One line for one, a list for several. */
export function joinLines(lines: string[]): string {
  if (lines.length === 1) return lines[0] ?? "";
  return lines.map((line) => `* ${line.replaceAll("\n", "\n\t")}`).join("\n");
}

function* findObjections(settings: EndpointSettings, network: Network): Iterable<string> {
  if (!isUserDefined(network.name)) {
    if (settings.IPAMConfig?.IPv4Address || settings.IPAMConfig?.IPv6Address)
      yield "user specified IP address is supported on user defined networks only";
    if (settings.Aliases?.length)
      yield "network-scoped alias is supported only for containers in user defined networks";
  }
  yield* checkAddresses(settings, network);
  for (const alias of settings.Aliases ?? []) {
    // It becomes a line of files.
    if (alias === "" || /[\s\p{Cc}]/u.test(alias))
      yield `invalid network-scoped alias: ${JSON.stringify(alias)}`;
  }
  for (const link of settings.Links ?? []) parseLink(link);
  yield* checkDriverOptions(settings.DriverOpts ?? {});
}

function* checkAddresses(settings: EndpointSettings, network: Network): Generator<string> {
  const { IPv4Address: four, IPv6Address: six, LinkLocalIPs } = settings.IPAMConfig ?? {};
  if (four && (!isIPv4(four) || four === "0.0.0.0")) yield `invalid IPv4 address: ${four}`;
  if (six && (!isIPv6(six) || six.includes("%") || isWithin("::/128", six)))
    yield `invalid IPv6 address: ${six}`;
  for (const address of LinkLocalIPs ?? []) {
    if (!isIPv4(address) && (!isIPv6(address) || address.includes("%")))
      yield `invalid link-local IP address: ${address}`;
    else if (!isWithin(isIPv4(address) ? "169.254.0.0/16" : "fe80::/10", address))
      yield `invalid link local IP address: ${address}`;
    else if (isIPv6(address) && !network.enableIpv6)
      yield `link-local IP address ${address} needs a network with IPv6`;
  }
  for (const address of [four, six]) {
    const family = address && (isIPv4(address) || isIPv6(address));
    if (family && isUserDefined(network.name)) yield* checkRange(address, network);
  }
}

/** An address can be asked for where a user has said which ones there are. */
function* checkRange(address: string, { pools }: Network): Iterable<string> {
  const own = pools.filter(
    ({ isConfigured, subnet }) => isConfigured && subnet.includes(":") === isIPv6(address),
  );
  if (own.length === 0) {
    yield "user specified IP address is supported only when connecting to networks with user configured subnets";
  } else if (!own.some(({ subnet }) => isWithin(subnet, address))) {
    yield `no configured subnet or ip-range contain the IP address ${address}`;
  }
}

/** Which addresses could be asked for, where one that was is none of them. */
function hintAtAddresses(settings: EndpointSettings, network: Network): { hint?: string } {
  const { name, pools } = network;
  if (!isUserDefined(name) || checkAddresses(settings, network).next().done) return {};
  const own = pools.filter(({ isConfigured }) => isConfigured).map(({ subnet }) => subnet);
  if (own.length > 0) return { hint: `the network ${name} has ${own.join(" and ")}` };
  return { hint: "a network that is created with --subnet has addresses to choose from" };
}

function isWithin(subnet: string, address: string): boolean {
  const [base = "", length] = subnet.split("/");
  const family = isIPv4(address) ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(base, Number(length), family);
  return list.check(address, family);
}

const sysctlForm = /^[^.]*\.(ipv4|ipv6|mpls)\.[^.]*\.(IFNAME|ifname)\.[^=]+=/;

function* checkDriverOptions(options: Record<string, string>): Iterable<string> {
  const sysctls = options[sysctlsOption];
  for (const sysctl of sysctls === undefined ? [] : sysctls.split(",")) {
    if (!sysctlForm.test(sysctl)) {
      yield `unrecognised network interface sysctl '${sysctl}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'`;
    } else if (!/^net(\.[\w-]+){4,}=[^\p{Cc}]*$/u.test(sysctl)) {
      yield `invalid network interface sysctl '${sysctl}'`;
    }
  }
  const name = options[interfaceOption];
  if (name && !/^(?!lo$|\.{1,2}$|all$|default$)[^\s\p{Cc}/:%]{1,15}$/u.test(name))
    yield `invalid interface name: ${JSON.stringify(name)}`;
}
