import { isIPv6 } from "node:net";
import type { Network, PortMap } from "../network.ts";

/** Docker's words at a request for ports of a container that has the host's network. */
export const portsDiscarded = "Published ports are discarded when using host network mode";

/** What is asked of ports in vain, for a container in these networks. */
export function warnOfPorts(
  mode: string,
  asked: PortMap,
  networks: readonly Pick<Network, "name" | "enableIpv6">[],
): string[] {
  const bindings = Object.entries(asked);
  if (mode === "host") return bindings.length > 0 ? [portsDiscarded] : [];
  if (networks.some(({ enableIpv6 }) => enableIpv6)) return [];
  // Docker's engine carries these over by a program for each port, and leaves them out without a word where
  // that is switched off.
  return bindings.flatMap(([port, places]) =>
    places
      .filter(({ HostIp }) => isIPv6(HostIp))
      .map(
        ({ HostIp, HostPort }) =>
          `Port ${port} is not published at [${HostIp}]:${HostPort}: the container has no IPv6 network`,
      ),
  );
}
