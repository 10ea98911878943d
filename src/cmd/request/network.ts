import {
  type Attachment,
  type Endpoint,
  type Endpoints,
  parseLink,
  parseMac,
  parseNetwork,
  setAddress,
} from "./attachment.ts";
import type { ContainerFlags } from "./flags.ts";
import { invalid, isAddress, refuse } from "./parts.ts";

/**
 * Networks of --network with what --ip, --network-alias and their like say of the first. `mode` is
 * HostConfig.NetworkMode; a lone network without settings needs no endpoint.
 */
export function buildEndpoints(flags: ContainerFlags): { mode: string; configs: Endpoints } {
  const asked = flags.network.map(parseNetwork);
  const attachments: Attachment[] =
    asked.length > 0 ? asked : [{ target: "default", endpoint: {} }];
  const first = attachments[0] ?? { target: "default", endpoint: {} };
  applyFlags(first, flags);
  const configs: Endpoints = {};
  const seen = new Set<string>();
  for (const { target, endpoint } of attachments) {
    check(target, endpoint);
    if (seen.has(target)) throw refuse(`network "${target}" is specified multiple times`);
    seen.add(target);
    if (attachments.length === 1 && Object.keys(endpoint).length === 0) continue;
    configs[target] = endpoint;
  }
  const own = attachments.filter(({ target }) => isUserDefined(target)).length;
  if (own > 0 && own < attachments.length) {
    throw refuse(
      "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
    );
  }
  return { mode: first.target, configs };
}

function isUserDefined(target: string): boolean {
  return !/^(default|bridge|host|none|container:.*)?$/.test(target);
}

function check(target: string, { Aliases = [], Links = [] }: Endpoint): void {
  if (target.trim() === "") throw refuse("no name set for network");
  if (isUserDefined(target)) return;
  if (Aliases.length > 0)
    throw refuse("network-scoped aliases are only supported for user-defined networks");
  if (Links.length > 0) throw refuse("links are only supported for user-defined networks");
}

function applyFlags({ target, endpoint }: Attachment, flags: ContainerFlags): void {
  const { IPAMConfig } = endpoint;
  const { ip, ip6, "link-local-ip": local, "mac-address": mac, "network-alias": aliases } = flags;
  const links = flags.link.map(parseLink);
  refuseTwice("network-alias", "alias", aliases.length > 0 && endpoint.Aliases);
  refuseTwice("link", "links", links.length > 0 && endpoint.Links);
  refuseTwice("ip", "IPv4 address", ip && IPAMConfig?.IPv4Address);
  refuseTwice("ip6", "IPv6 address", ip6 && IPAMConfig?.IPv6Address);
  refuseTwice("mac-address", "MAC address", mac && endpoint.MacAddress);
  const locals = "link-local IP addresses";
  refuseTwice("link-local-ip", locals, local.length > 0 && IPAMConfig?.LinkLocalIPs);
  if (aliases.length > 0) endpoint.Aliases = [...aliases];
  // On the default bridge a link is the container's own, of the old kind.
  if (links.length > 0 && isUserDefined(target)) endpoint.Links = links;
  for (const [name, text] of [
    ...(ip ? ([["ip", ip]] as const) : []),
    ...(ip6 ? ([["ip6", ip6]] as const) : []),
    ...local.map((text) => ["link-local-ip", text] as const),
  ]) {
    if (!isAddress(text)) throw invalid(text, `--${name}`, `failed to parse IP: "${text}"`);
    setAddress(endpoint, name, text);
  }
  if (mac) endpoint.MacAddress = parseMac(mac);
}

function refuseTwice(flag: string, what: string, twice: unknown): void {
  if (!twice) return;
  throw refuse(`conflicting options: cannot specify both --${flag} and per-network ${what}`);
}
