import type { Container } from "../../containers/container.ts";
import type { Endpoint } from "../network.ts";

/**
 * The files that resolvers read, one for each network and one for each container; what is in them is told in
 * native/resolver/src/names.rs.
 */
const firstLine = "rt-names 1\n";

/**
 * The names of a container in a network, in lower case; its addresses have the first. What is no word of
 * printable characters cannot be asked for, and would be more than a name here.
 */
export function namesIn(
  { id, name, config }: Pick<Container, "id" | "name" | "config">,
  aliases: readonly string[],
): string[] {
  const names = [name, ...aliases, id.slice(0, 12), config.Hostname ?? ""];
  return [...new Set(names.map((each) => each.toLowerCase()).filter(isWord))];
}

function isWord(text: string): boolean {
  return /^[!-~]+$/.test(text);
}

/** Users may call a network what they like; one that nobody can ask for still has its containers. */
function networkWord(name: string): string {
  return isWord(name) ? name.toLowerCase() : "-";
}

/** What a network's file has of one container. */
export function memberLine(
  { address, address6 }: Pick<Endpoint, "address" | "address6">,
  names: readonly string[],
): string {
  return `${address || "-"} ${address6 || "-"} ${names.join(" ")}\n`;
}

export function buildNetworkFile(lines: readonly string[]): string {
  return `${firstLine}${lines.join("")}`;
}

/** Whom a resolver asks for names that are not ours. */
export interface Upstream {
  address: string;
  /** From the host's network, not from the container's. */
  byHost: boolean;
}

/** What the resolver of one container has to know. */
export interface ResolverSettings {
  networks: { name: string; path: string }[];
  /** The container's own words for others. */
  links: { network: string; alias: string; name: string }[];
  upstreams: Upstream[];
  /** The user has set the option ndots. */
  choseNdots: boolean;
  /** One of its networks has a way out. */
  reachesOutside: boolean;
}

export function buildResolverFile(settings: ResolverSettings): string {
  const { networks, links, upstreams, choseNdots, reachesOutside } = settings;
  const words = links.map(({ network, alias, name }) => [network, alias, name]);
  return [
    firstLine,
    ...networks.map(({ name, path }) => `network ${networkWord(name)} ${path}\n`),
    ...words
      .filter((link) => link.every(isWord))
      .map((link) => `link ${link.join(" ").toLowerCase()}\n`),
    ...upstreams.map(({ address, byHost }) => `server ${address}${byHost ? " host" : ""}\n`),
    ...(choseNdots ? ["ndots\n"] : []),
    ...(reachesOutside ? ["outside\n"] : []),
  ].join("");
}
