import { readFile } from "node:fs/promises";

/** Extra lines for /etc/hosts and /etc/resolv.conf that a request can carry. */
export interface NameSettings {
  hostname: string;
  domainname: string;
  /** Address on the bridge, null for host and none. */
  address: string | null;
  /** "name:address" or "name=address"; the address "host-gateway" stands for `gateway`. */
  extraHosts: string[];
  gateway: string | null;
}

export function buildHosts(settings: NameSettings): string {
  const lines = [
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::\tip6-localnet",
    "ff00::\tip6-mcastprefix",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
    ...settings.extraHosts.map((entry) => extraHost(entry, settings.gateway)),
  ];
  if (settings.address !== null) {
    const names =
      settings.domainname === ""
        ? [settings.hostname]
        : [`${settings.hostname}.${settings.domainname}`, settings.hostname];
    lines.push(`${settings.address}\t${names.join(" ")}`);
  }
  return `${lines.join("\n")}\n`;
}

function extraHost(entry: string, gateway: string | null): string {
  const at = entry.search(/[:=]/);
  const address = entry.slice(at + 1);
  return `${address === "host-gateway" ? (gateway ?? "127.0.0.1") : address}\t${entry.slice(0, at)}`;
}

/** The resolvers used where the host names none that a container could reach; Docker's choice. */
const fallbackServers = ["8.8.8.8", "8.8.4.4"];

export interface ResolverSettings {
  servers: string[];
  search: string[];
  options: string[];
}

/**
 * A resolv.conf from the host's and what the request overrides. In a network namespace of its own a
 * container cannot reach resolvers on the host's loopback, so those are left out.
 */
export function buildResolvConf(
  host: string,
  asked: ResolverSettings,
  ownNetwork: boolean,
): string {
  const own = parseResolvConf(host);
  const usable = ownNetwork ? own.servers.filter((server) => !isLoopback(server)) : own.servers;
  const inherited = usable.length > 0 || !ownNetwork ? usable : fallbackServers;
  const servers = asked.servers.length > 0 ? asked.servers : inherited;
  const search =
    asked.search.length > 0 ? asked.search.filter((domain) => domain !== ".") : own.search;
  const options = asked.options.length > 0 ? asked.options : own.options;
  return [
    ...servers.map((server) => `nameserver ${server}\n`),
    ...(search.length > 0 ? [`search ${search.join(" ")}\n`] : []),
    ...(options.length > 0 ? [`options ${options.join(" ")}\n`] : []),
  ].join("");
}

function parseResolvConf(text: string): ResolverSettings {
  const parsed: ResolverSettings = { servers: [], search: [], options: [] };
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "nameserver" && values[0]) parsed.servers.push(values[0]);
    if (keyword === "search" || keyword === "domain") parsed.search = values;
    if (keyword === "options") parsed.options = values;
  }
  return parsed;
}

function isLoopback(server: string): boolean {
  return server.startsWith("127.") || server === "::1";
}

/** The host's resolv.conf; a host without one has no resolvers to hand on. */
export async function readHostResolvConf(): Promise<string> {
  return await readFile("/etc/resolv.conf", "utf8").catch(() => "");
}
