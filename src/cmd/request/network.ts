import type { ContainerCreateRequest } from "../../api/types.ts";
import type { ContainerFlags } from "./flags.ts";
import { splitCsv } from "./mounts.ts";
import { cut, invalid, isAddress, refuse } from "./parts.ts";

type Endpoints = NonNullable<
  NonNullable<ContainerCreateRequest["NetworkingConfig"]>["EndpointsConfig"]
>;
type Endpoint = Endpoints[string];

interface Attachment {
  target: string;
  endpoint: Endpoint;
}

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

/** "NAME", or "name=NAME,alias=A,ip=1.2.3.4,…". */
function parseNetwork(text: string): Attachment {
  if (!text.includes("=")) {
    if (text.trim() === "") throw refuse("no name set for network");
    return { target: text, endpoint: {} };
  }
  let target = "";
  const endpoint: Endpoint = {};
  for (const field of splitCsv(text)) {
    const [name, value] = cut(field, "=");
    if (value === "") throw invalid(text, "--network", `invalid key/value pair format in network`);
    if (name === "name") target = value;
    else if (name === "alias") endpoint.Aliases = [...(endpoint.Aliases ?? []), value];
    else if (name === "ip" || name === "ip6" || name === "link-local-ip") {
      setAddress(endpoint, name, value);
    } else if (name === "mac-address") endpoint.MacAddress = value;
    else if (name === "gw-priority" && /^-?\d+$/.test(value)) endpoint.GwPriority = Number(value);
    else if (name === "driver-opt") {
      const [option, setting] = cut(value, "=");
      endpoint.DriverOpts = { ...endpoint.DriverOpts, [option]: setting };
    } else throw invalid(text, "--network", `invalid field key ${name}`);
  }
  if (target === "") throw refuse("no name set for network");
  return { target, endpoint };
}

function applyFlags({ target, endpoint }: Attachment, flags: ContainerFlags): void {
  const aliases = flags["network-alias"];
  if (aliases.length > 0) {
    if (!isUserDefined(target)) {
      throw refuse("network-scoped aliases are only supported for user-defined networks");
    }
    if (endpoint.Aliases) {
      throw refuse(
        "conflicting options: cannot specify both --network-alias and per-network alias",
      );
    }
    endpoint.Aliases = [...aliases];
  }
  if (flags.link.length > 0 && isUserDefined(target)) endpoint.Links = [...flags.link];
  if (flags.ip !== undefined) setAddress(endpoint, "ip", flags.ip);
  if (flags.ip6 !== undefined) setAddress(endpoint, "ip6", flags.ip6);
  for (const address of flags["link-local-ip"]) setAddress(endpoint, "link-local-ip", address);
  const mac = flags["mac-address"];
  if (mac !== undefined && mac !== "") {
    if (!/^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(mac.trim())) {
      throw refuse(`${mac} is not a valid mac address`);
    }
    endpoint.MacAddress = mac.trim().replaceAll("-", ":").toLowerCase();
  }
}

function setAddress(endpoint: Endpoint, name: "ip" | "ip6" | "link-local-ip", text: string): void {
  if (!isAddress(text)) throw invalid(text, `--${name}`, `failed to parse IP: "${text}"`);
  const config = endpoint.IPAMConfig ?? {};
  if (name === "ip") config.IPv4Address = text;
  else if (name === "ip6") config.IPv6Address = text;
  else config.LinkLocalIPs = [...(config.LinkLocalIPs ?? []), text];
  endpoint.IPAMConfig = config;
}
