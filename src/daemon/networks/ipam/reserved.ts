import { bitsOf, type Prefix, parseAddress, prefixOf } from "../address.ts";

/** Routes of the host that a subnet must not cover: all but the default, and its halves as VPNs set them. */
export function reservedByRoutes(routes: readonly string[]): Prefix[] {
  return routes.map(prefixOf).filter(({ length }) => length > 1);
}

/** Servers of /etc/resolv.conf, which the host reaches by its default route until a subnet covers them. */
export function reservedByServers(resolvConf: string): Prefix[] {
  return [...resolvConf.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].flatMap(([, server = ""]) => {
    const address = parseAddress(server);
    if (address === undefined) return [];
    const { family, value } = address;
    return [{ family, base: value, length: bitsOf(family) }];
  });
}
