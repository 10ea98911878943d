import type { ContainerCreateRequest } from "../../api/types.ts";
import { splitCsv } from "./mounts.ts";
import { cut, invalid, isAddress, refuse } from "./parts.ts";

export type Endpoints = NonNullable<
  NonNullable<ContainerCreateRequest["NetworkingConfig"]>["EndpointsConfig"]
>;
export type Endpoint = Endpoints[string];

/** A network, by name or ID, and what a container asks of it. */
export interface Attachment {
  target: string;
  endpoint: Endpoint;
}

/**
 * "NAME", or "name=NAME,alias=A,ip=1.2.3.4,…". Docker's client turns all of it to lower case, and so misses
 * a network with a capital in its name; here that happens to the fields' names alone.
 */
export function parseNetwork(text: string): Attachment {
  if (!text.includes("=")) return { target: text, endpoint: {} };
  let target = "";
  const endpoint: Endpoint = {};
  for (const field of splitCsv(text)) {
    const [spelled, given] = cut(field, "=");
    if (spelled === "" || !field.includes("=")) throw bad(text, `invalid field ${field}`);
    const [name, value] = [spelled.trim().toLowerCase(), given.trim()];
    if (name === "name") target = value;
    else setField(endpoint, name, value, text);
  }
  if (target === "") throw bad(text, "network name/id is not specified");
  return { target, endpoint };
}

function setField(endpoint: Endpoint, name: string, value: string, text: string): void {
  if (name === "alias") endpoint.Aliases = [...(endpoint.Aliases ?? []), value];
  else if (name === "link") endpoint.Links = [...(endpoint.Links ?? []), parseLink(value)];
  else if (name === "mac-address") endpoint.MacAddress = parseMac(value);
  else if (name === "gw-priority") endpoint.GwPriority = parsePriority(value, text);
  else if (name === "ip" || name === "ip6" || name === "link-local-ip") {
    if (!isAddress(value)) throw bad(text, `failed to parse IP: "${value}"`);
    setAddress(endpoint, name, value);
  } else if (name === "driver-opt") {
    const [option, setting] = cut(value, "=").map((part) => part.trim());
    if (!option || !value.includes("=")) {
      throw bad(text, "invalid key value pair format in driver options");
    }
    endpoint.DriverOpts = { ...endpoint.DriverOpts, [option]: setting ?? "" };
  } else throw bad(text, `invalid field key ${name}`);
}

function parsePriority(value: string, text: string): number {
  if (!/^[+-]?\d+$/.test(value)) throw bad(text, `invalid gw-priority (${value}): invalid syntax`);
  const priority = Number(value);
  if (Number.isSafeInteger(priority)) return priority;
  throw bad(text, `invalid gw-priority (${value}): value out of range`);
}

/** "CONTAINER" or "CONTAINER:ALIAS", as it stands. */
export function parseLink(text: string): string {
  if (text === "") throw invalid(text, "--link", "empty string specified for links");
  if (text.split(":").length > 2) throw invalid(text, "--link", `bad format for links: ${text}`);
  return text;
}

/** With colons, hyphens, or dots between each four digits; with colons it is sent. */
export function parseMac(text: string): string {
  const digits = text.trim().replaceAll(/[:.-]/g, "").toLowerCase();
  const shape = /^([0-9a-f]{2}([:-])([0-9a-f]{2}\2){4}[0-9a-f]{2}|([0-9a-f]{4}\.){2}[0-9a-f]{4})$/i;
  if (!shape.test(text.trim())) throw refuse(`${text} is not a valid mac address`);
  return (digits.match(/../g) ?? []).join(":");
}

export function setAddress(
  endpoint: Endpoint,
  name: "ip" | "ip6" | "link-local-ip",
  text: string,
): void {
  const config = endpoint.IPAMConfig ?? {};
  if (name === "ip") config.IPv4Address = text;
  else if (name === "ip6") config.IPv6Address = text;
  else config.LinkLocalIPs = [...(config.LinkLocalIPs ?? []), text];
  endpoint.IPAMConfig = config;
}

function bad(text: string, detail: string) {
  return invalid(text, "--network", detail);
}
