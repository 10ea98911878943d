import type { HostConfig } from "../../api/types.ts";
import type { EndpointPlan } from "../../native-types/net.ts";
import type { Container } from "../containers/container.ts";
import { newId } from "../containers/names.ts";
import { parseBridgeOptions } from "./create/options.ts";
import { planEndpoint } from "./endpoint-plan.ts";
import { chooseGateways } from "./gateway.ts";
import { interfaceOption, nameInterfaces, type WantedName } from "./interface-names.ts";
import { hasIpv6Off, withoutIpv6 } from "./ipv6-off.ts";
import { chooseMac } from "./mac.ts";
import type { Attachment, Endpoint, Network } from "./network.ts";
import type { AddressSource, Endpoints, NetworkHost, NetworkSource } from "./services.ts";

export interface PlacesParts {
  networks: NetworkSource;
  host: NetworkHost;
  addresses: AddressSource;
}

/** A network that a container asks for, found and ready on the host; both as the container has them. */
export interface Place {
  network: Network;
  attachment: Attachment;
  /** The network's interface on the host, "" for none. */
  hostLink: string;
}

/** Makes endpoints out of what containers ask of networks. */
export class Places {
  readonly #parts: PlacesParts;

  constructor(parts: PlacesParts) {
    this.#parts = parts;
  }

  /** Makes a network ready for a container of these settings. Throws not_found. */
  async prepare(
    reference: string,
    attachment: Attachment,
    settings: Pick<HostConfig, "Sysctls">,
  ): Promise<Place> {
    const { networks, host } = this.#parts;
    const network = networks.get(reference);
    const place = { network, attachment, hostLink: await host.ensure(network) };
    return hasIpv6Off(settings, attachment) ? withoutIpv6(place) : place;
  }

  /**
   * Takes addresses, and interfaces that are none of `taken`; none of the endpoints is the way out yet. Networks are
   * found again, since one can be removed until an address of it is in use.
   */
  take(containerId: string, places: Place[], taken: string[] = []): Endpoints {
    const { networks, addresses } = this.#parts;
    const interfaces = nameInterfaces(places.filter(hasInterface).map(toWanted), taken);
    const endpoints: Endpoints = {};
    for (const { network, attachment } of places) {
      const { id, name, driver, internal } = networks.get(network.id);
      const lease = addresses.lease(network, containerId, attachment);
      const endpointId = newId();
      const own = interfaces.get(name) ?? "";
      endpoints[name] = {
        networkId: id,
        endpointId,
        interface: own,
        // Another one at each start: the kernel takes the one before away in its own time.
        hostInterface: driver === "bridge" ? `veth${endpointId.slice(0, 11)}` : "",
        ...lease,
        ...(internal ? { gateway: "", gateway6: "" } : {}),
        macAddress: own === "" ? "" : chooseMac(attachment.macAddress, { ...lease, endpointId }),
        isGateway: { ipv4: false, ipv6: false },
      };
    }
    return endpoints;
  }

  /** Decides which endpoints are the way out. */
  markGateways(endpoints: Endpoints, attachments: Container["attachments"]): Endpoints {
    const entries = Object.entries(endpoints);
    const { ipv4, ipv6 } = chooseGateways(
      entries.map(([network, endpoint]) => ({
        ...{ network, endpoint },
        internal: this.#parts.networks.find(network)?.internal ?? false,
        priority: attachments[network]?.gatewayPriority ?? 0,
      })),
    );
    const marked = entries.map(([name, endpoint]): [string, Endpoint] => [
      name,
      { ...endpoint, isGateway: { ipv4: name === ipv4, ipv6: name === ipv6 } },
    ]);
    return Object.fromEntries(marked);
  }

  /** How an interface is made; null for a network that has none. */
  plan({ network, attachment, hostLink }: Place, endpoints: Endpoints): EndpointPlan | null {
    const endpoint = endpoints[network.name];
    return endpoint === undefined ? null : planEndpoint(network, attachment, endpoint, hostLink);
  }
}

function hasInterface({ network: { driver } }: Place): boolean {
  return driver !== "host" && driver !== "null";
}

function toWanted({ network, attachment }: Place): WantedName {
  const { name, driver, options } = network;
  const prefix = driver === "bridge" ? parseBridgeOptions(options).interfacePrefix : "eth";
  return { network: name, chosen: attachment.driverOptions[interfaceOption], prefix };
}
