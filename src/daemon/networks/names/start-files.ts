import { parseLink } from "../../containers/attachments/links.ts";
import type { Container } from "../../containers/container.ts";
import { buildBridgePlan } from "../bridge-plan.ts";
import { isUserDefined, type Network } from "../network.ts";
import type { Endpoints } from "../services.ts";
import { buildHosts, extraRecords, type HostRecord, ownRecords } from "./hosts.ts";
import { buildResolverFile } from "./name-files.ts";
import { type AskedResolver, buildResolvConf, type HostResolvConf } from "./resolv-conf.ts";

/** What a container's files about names are made of. */
export interface NameFacts {
  container: Container;
  hostname: string;
  domainname: string;
  endpoints: Endpoints;
  hasResolver: boolean;
  /** Those of the endpoints; one may be gone. */
  networks: readonly Network[];
  defaultBridge: Network | undefined;
  /** Containers of the default bridge that it is linked to. */
  links: readonly HostRecord[];
  resolvConf: HostResolvConf;
  /** The host's /etc/hosts, for a container in the host's network. */
  hosts: string;
  /** Chosen by the user of the daemon, for "host-gateway"; none: the container's own. */
  hostGateways: readonly string[];
  /** Used where the container says nothing. */
  defaults: AskedResolver;
  /** Where a network's names are. */
  pathOf(networkId: string): string;
}

/** Pure: /etc/hosts and /etc/resolv.conf, and what the resolver reads where there is one. */
export function buildNameFiles(facts: NameFacts): {
  hosts: string;
  resolvConf: string;
  resolver: string | null;
} {
  const { container, endpoints, hasResolver: hasNames } = facts;
  const mode = container.hostConfig.NetworkMode;
  const ipv6 = Object.values(endpoints).some(({ address6 }) => address6 !== "");
  const reader = mode === "host" ? "host" : hasNames ? "resolver" : { ipv6 };
  const asked = askedOf(container, facts.defaults);
  const { content, upstreams, choseNdots } = buildResolvConf(facts.resolvConf, asked, reader);
  return {
    hosts: hostsOf(facts),
    resolvConf: content,
    resolver: hasNames ? buildResolverFile({ ...resolverOf(facts), upstreams, choseNdots }) : null,
  };
}

/** Names are resolved for containers of networks that a user made. */
export function hasResolver(endpoints: Endpoints): boolean {
  return Object.keys(endpoints).some(isUserDefined);
}

/** Of all networks, the first ones first. */
export function addressesOf(endpoints: Endpoints): string[] {
  return Object.values(endpoints)
    .flatMap(({ address, address6 }) => [address, address6])
    .filter((address) => address !== "");
}

function hostsOf(facts: NameFacts): string {
  const { container, endpoints, hostname, domainname, links } = facts;
  const { NetworkMode: mode, ExtraHosts } = container.hostConfig;
  const extra = ExtraHosts ?? [];
  // As Docker: whoever adds to it gets one of his own.
  if (mode === "host" && extra.length === 0 && facts.hosts !== "") return facts.hosts;
  const records = [
    ...extraRecords(extra, gatewaysOf(facts)),
    ...links,
    ...ownRecords(hostname, domainname, addressesOf(endpoints)),
  ];
  const ipv6 = container.hostConfig.Sysctls?.["net.ipv6.conf.all.disable_ipv6"] !== "1";
  return buildHosts(records, ipv6);
}

/**
 * Where the container finds the host: by its way out if that is the host's own, else in the first network where
 * the host has an address, else by the default bridge's, as Docker.
 */
function gatewaysOf(facts: NameFacts): string[] {
  const { hostGateways, container, endpoints, networks, defaultBridge } = facts;
  if (hostGateways.length > 0) return [...hostGateways];
  const own = networks.flatMap(hostAddressesIn);
  const places = Object.values(endpoints);
  const ipv4 = places.find(({ isGateway }) => isGateway.ipv4)?.gateway ?? "";
  const ipv6 = places.find(({ isGateway }) => isGateway.ipv6)?.gateway6 ?? "";
  const found = [ipv4, ipv6].filter((address) => own.includes(address));
  if (found.length > 0) return found;
  const isHost = container.hostConfig.NetworkMode === "host";
  const others = isHost || !defaultBridge ? [] : hostAddressesIn(defaultBridge);
  const inside = own.length > 0 ? own.slice(0, 1) : others;
  return inside.length > 0 ? inside : ["127.0.0.1"];
}

/** A router of the outside is none of them. */
function hostAddressesIn(network: Network): string[] {
  if (network.driver !== "bridge") return [];
  return buildBridgePlan(network).addresses.map((address) => address.replace(/\/.*/, ""));
}

function askedOf({ hostConfig }: Container, defaults: AskedResolver): AskedResolver {
  const either = (own: readonly string[] | undefined, other: readonly string[]) =>
    own !== undefined && own.length > 0 ? own : other;
  return {
    servers: either(hostConfig.Dns, defaults.servers),
    search: either(hostConfig.DnsSearch, defaults.search),
    options: either(hostConfig.DnsOptions, defaults.options),
  };
}

function resolverOf({ container, endpoints, networks, pathOf }: NameFacts) {
  const places = Object.entries(endpoints).filter(([name]) => isUserDefined(name));
  const isOpen = ([name, { gateway, gateway6 }]: [string, Endpoints[string]]): boolean =>
    (gateway !== "" || gateway6 !== "") &&
    networks.some((network) => network.name === name && !network.internal);
  return {
    networks: places.map(([name, { networkId }]) => ({ name, path: pathOf(networkId) })),
    links: places.flatMap(([network]) =>
      (container.attachments[network]?.links ?? []).map((text) => {
        const { container: name, alias } = parseLink(text);
        return { network, alias, name };
      }),
    ),
    reachesOutside: Object.entries(endpoints).some(isOpen),
  };
}
