import { createHash } from "node:crypto";
import type { ContainerInspectResponse, EndpointSettings } from "../../api/types.ts";
import { type Attachment, type Endpoint, isUserDefined } from "../networks/network.ts";
import { wishesOf } from "../networks/ports/publisher.ts";
import { toInspectPorts } from "../networks/ports/view.ts";
import { type Container, type ContainerState, isRunning } from "./container.ts";

/** What the networks of a container are shown by. */
export interface NetworkView {
  container: Container;
  state: ContainerState;
  /** "" for a network that is gone. */
  networkId(name: string): string;
}

type NetworkSettings = NonNullable<ContainerInspectResponse["NetworkSettings"]>;

/** Docker's shape of all networks of a container. At the top stands its place in the default bridge. */
export function toNetworkSettings(view: NetworkView): NetworkSettings {
  const { state } = view;
  const isUp = isRunning(state);
  const { bridge } = state.endpoints;
  return {
    Bridge: "",
    SandboxID: isUp ? sandboxId(view) : "",
    SandboxKey: isUp ? `/proc/${state.pid}/ns/net` : "",
    Ports: toPorts(view),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    ...{ SecondaryIPAddresses: null, SecondaryIPv6Addresses: null },
    EndpointID: bridge?.endpointId ?? "",
    ...toAddresses(bridge),
    Networks: toNetworks(view),
  } as NetworkSettings;
}

/** By the networks' names, in their order, as Go writes maps. */
export function toNetworks(view: NetworkView): Record<string, EndpointSettings> {
  const { attachments } = view.container;
  const sorted = Object.entries(attachments).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    sorted.map(([name, attachment]) => [name, toEndpointSettings(view, name, attachment)]),
  );
}

/** What `ps` tells of them. */
export function toNetworkSummaries(view: NetworkView): Record<string, EndpointSettings> {
  const rows = Object.entries(toNetworks(view)).map(([name, { IPAMConfig: ipam, ...settings }]) => {
    const { IPv4Address, IPv6Address } = ipam ?? {};
    const kept = { ...(IPv4Address && { IPv4Address }), ...(IPv6Address && { IPv6Address }) };
    const empty = { Links: null, Aliases: null, DriverOpts: null, DNSNames: null };
    return [name, { IPAMConfig: ipam ? kept : null, ...settings, ...empty }];
  });
  return Object.fromEntries(rows);
}

function toEndpointSettings(
  { container, state, networkId }: NetworkView,
  name: string,
  attachment: Attachment,
): EndpointSettings {
  const endpoint = state.endpoints[name];
  const { aliases, links, driverOptions } = attachment;
  const isNew = state.status === "created";
  const settings = {
    IPAMConfig: toIpamConfig(attachment),
    Links: orNull(links),
    Aliases: orNull(aliases),
    DriverOpts: Object.keys(driverOptions).length > 0 ? driverOptions : null,
    GwPriority: attachment.gatewayPriority,
    NetworkID: endpoint?.networkId ?? (isNew ? "" : networkId(name)),
    EndpointID: endpoint?.endpointId ?? "",
    ...toAddresses(endpoint),
    // What was asked for is shown until there is one in use.
    ...(isNew && attachment.macAddress ? { MacAddress: attachment.macAddress } : {}),
    DNSNames: isUserDefined(name) ? dnsNamesOf(container, attachment) : null,
  };
  // The types leave out that lists may be null.
  return settings as EndpointSettings;
}

/** The names by which it is found in a network that a user made; the first for its address. */
function dnsNamesOf({ name, id, config }: Container, { aliases }: Attachment): string[] {
  const names = [name, ...aliases, id.slice(0, 12), config.Hostname ?? ""];
  return [...new Set(names)].filter((each) => each !== "");
}

function toAddresses(endpoint: Endpoint | undefined) {
  return {
    Gateway: shownGateway(endpoint?.gateway),
    IPAddress: endpoint?.address ?? "",
    IPPrefixLen: endpoint?.prefixLength ?? 0,
    IPv6Gateway: shownGateway(endpoint?.gateway6),
    GlobalIPv6Address: endpoint?.address6 ?? "",
    GlobalIPv6PrefixLen: endpoint?.prefixLength6 ?? 0,
    MacAddress: endpoint?.macAddress ?? "",
  };
}

function toIpamConfig({ address, address6, linkLocal }: Attachment) {
  if (!address && !address6 && linkLocal.length === 0) return null;
  return {
    ...(address && { IPv4Address: address }),
    ...(address6 && { IPv6Address: address6 }),
    ...(linkLocal.length > 0 && { LinkLocalIPs: linkLocal }),
  };
}

/** While it runs: what is published, and what is exposed without being so. */
export function toPorts({ container, state }: NetworkView): ReturnType<typeof toInspectPorts> {
  return isRunning(state) ? toInspectPorts(wishesOf(container), state.ports) : {};
}

/** One for each run. */
function sandboxId({ container, state }: NetworkView): string {
  return createHash("sha256").update(`${container.id} ${state.startedAt}`).digest("hex");
}

function orNull(list: string[]): string[] | null {
  return list.length > 0 ? list : null;
}

/** A route without a router has none to show. */
function shownGateway(gateway = ""): string {
  return gateway === "0.0.0.0" || gateway === "::" ? "" : gateway;
}
