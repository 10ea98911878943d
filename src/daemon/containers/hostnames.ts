import { hostname as hostHostname } from "node:os";
import type { Container } from "./container.ts";

export interface Hostnames {
  hostname: string;
  domainname: string;
}

/** What a container's own names are. */
export function hostnamesOf(container: Container): Hostnames {
  const { Hostname: own, Domainname: domainname } = container.config;
  const { UTSMode: uts, NetworkMode: network } = container.hostConfig;
  const inherited = uts === "host" || network === "host";
  return {
    hostname: own || (inherited ? hostHostname() : container.id.slice(0, 12)),
    domainname: domainname ?? "",
  };
}
