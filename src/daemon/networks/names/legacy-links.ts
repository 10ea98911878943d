import type { HostConfig } from "../../../api/types.ts";
import { EngineError } from "../../../errors.ts";
import { parseLink } from "../../containers/attachments/links.ts";
import type { Container } from "../../containers/container.ts";
import { hostnamesOf } from "../../containers/hostnames.ts";
import { donorOf } from "../../containers/modes.ts";
import type { Entry } from "../../containers/table.ts";
import { isUserDefined } from "../network.ts";
import type { HostRecord } from "./hosts.ts";

/** Docker's old links, of containers on the default bridge: lines of /etc/hosts, and variables. */
export interface LegacyLink {
  alias: string;
  child: Pick<Entry, "container" | "state">;
}

type Lookup = (reference: string) => Pick<Entry, "container">;
type Find = (id: string) => LegacyLink["child"] | undefined;

/** The network that has such links. */
const defaultNetwork = "bridge";

/** Names of other containers become ids: they may be renamed. Throws invalid_argument. */
export function resolveLinks(host: HostConfig, lookup: Lookup): HostConfig {
  const links = host.Links ?? [];
  if (links.length === 0) return host;
  if (host.NetworkMode === "host") throw conflict();
  // On a network of the user's, links are asked for beside its other settings.
  if (!["", "default", defaultNetwork].includes(host.NetworkMode ?? "")) return host;
  return {
    ...host,
    Links: links.map((text) => {
      const { container, alias } = parseLink(text);
      return `${resolve(container, lookup).id}:${alias}`;
    }),
  };
}

/** A container that shares the network of another is found there. */
function resolve(reference: string, lookup: Lookup): Container {
  let container: Container;
  try {
    ({ container } = lookup(reference));
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError("invalid_argument", `could not get container for ${reference}: ${text}`, {
      cause,
    });
  }
  const mode = container.hostConfig.NetworkMode ?? "";
  if (mode === "host") throw conflict();
  const donor = donorOf(mode);
  return donor === undefined ? container : resolve(donor, lookup);
}

function conflict(): EngineError {
  return new EngineError(
    "invalid_argument",
    "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
  );
}

/** "PARENT/ALIAS", with a slash in front or without. Docker answers 500, as for a fault of its own. */
export function parseLinkName(text: string): { parent: string; alias: string } {
  const [, parent, alias] = /^\/?([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (parent !== undefined && alias !== undefined) return { parent, alias };
  throw new EngineError(
    "conflict",
    "Conflict, cannot remove the default link name of the container",
  );
}

export function withoutLink(host: HostConfig, alias: string): HostConfig {
  const left = (host.Links ?? []).filter((text) => parseLink(text).alias !== alias);
  return { ...host, Links: left };
}

/** Those of a container that are left: whom they lead to may be removed. */
export function linksOf(container: Container, find: Find): LegacyLink[] {
  if (container.attachments[defaultNetwork] === undefined) return [];
  if (isUserDefined(container.hostConfig.NetworkMode || defaultNetwork)) return [];
  return (container.hostConfig.Links ?? []).flatMap((text) => {
    const { container: id, alias } = parseLink(text);
    const child = find(id);
    return child === undefined ? [] : [{ alias, child }];
  });
}

/** As Docker: a start needs those that are linked to. */
export function refuseAbsent(parent: Container, links: readonly LegacyLink[]): void {
  for (const { alias, child } of links) {
    const { id, name } = child.container;
    const state = child.state.status;
    if (state !== "running" && state !== "paused") {
      const words = `Cannot link to a non running container: /${name} AS /${parent.name}/${alias}`;
      throw new EngineError("internal", words);
    }
    if (child.state.endpoints[defaultNetwork] === undefined)
      throw new EngineError("internal", `container ${id} not attached to default bridge network`);
  }
}

export function linkRecords(links: readonly LegacyLink[]): HostRecord[] {
  return links.flatMap(({ alias, child: { container, state } }) => {
    const { hostname } = hostnamesOf(container);
    const names = [alias, hostname, ...(alias === container.name ? [] : [container.name])];
    const place = state.endpoints[defaultNetwork];
    const addresses = [place?.address ?? "", place?.address6 ?? ""];
    return addresses
      .filter((address) => address !== "")
      .map((address) => ({ address, names: names.join(" ") }));
  });
}

/** For `inspect`: "/CHILD:/PARENT/ALIAS". */
export function showLinks(parent: Container, links: readonly LegacyLink[]): string[] {
  return links.map(({ alias, child }) => `/${child.container.name}:/${parent.name}/${alias}`);
}

interface Port {
  number: number;
  protocol: string;
}

/** Docker's variables: of each port, of neighbouring ones together, the name, and what the other has of its own. */
export function linkEnvironment(parent: Container, links: readonly LegacyLink[]): string[] {
  return links.flatMap(({ alias, child: { container, state } }) => {
    const prefix = alias.toUpperCase().replaceAll("-", "_");
    const address = state.endpoints[defaultNetwork]?.address ?? "";
    const own = (container.config.Env ?? [])
      .filter((variable) => /^(?!(?:HOME|PATH)=)[^=]*=/.test(variable))
      .map((variable) => `${prefix}_ENV_${variable}`);
    return [
      ...portVariables(prefix, address, portsOf(container)),
      `${prefix}_NAME=/${parent.name}/${alias}`,
      ...own,
    ];
  });
}

function portsOf(container: Container): Port[] {
  const ports = Object.keys(container.config.ExposedPorts ?? {}).map((text) => {
    const [number = "", protocol = "tcp"] = text.split("/");
    return { number: Number(number), protocol };
  });
  const rank = ({ protocol }: Port): string => (protocol === "tcp" ? "" : protocol);
  return ports.sort((a, b) =>
    rank(a) === rank(b) ? a.number - b.number : rank(a) < rank(b) ? -1 : 1,
  );
}

function portVariables(prefix: string, address: string, ports: readonly Port[]): string[] {
  const urlOf = ({ number, protocol }: Port): string => `${protocol}://${address}:${number}`;
  const nameOf = ({ number, protocol }: Port): string =>
    `${prefix}_PORT_${number}_${protocol.toUpperCase()}`;
  const [first] = ports;
  const lines = first === undefined ? [] : [`${prefix}_PORT=${urlOf(first)}`];
  for (const port of ports) {
    const name = nameOf(port);
    lines.push(`${name}=${urlOf(port)}`, `${name}_ADDR=${address}`);
    lines.push(`${name}_PORT=${port.number}`, `${name}_PROTO=${port.protocol}`);
  }
  for (const [start, end] of rangesOf(ports)) {
    const name = nameOf(start);
    lines.push(`${name}_START=${urlOf(start)}`, `${name}_PORT_START=${start.number}`);
    lines.push(`${name}_END=${urlOf(end)}`, `${name}_PORT_END=${end.number}`);
  }
  return lines;
}

/** First and last of ports that follow one another, of one protocol. */
function rangesOf(ports: readonly Port[]): [Port, Port][] {
  const ranges: [Port, Port][] = [];
  for (const port of ports) {
    const range = ranges.at(-1);
    const [, end] = range ?? [];
    if (range && end?.number === port.number - 1 && end.protocol === port.protocol) range[1] = port;
    else ranges.push([port, port]);
  }
  return ranges.filter(([start, end]) => start !== end);
}
