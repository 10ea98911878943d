import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { EndpointPlan } from "../../native-types/net.ts";
import type { Container } from "../containers/container.ts";
import { newId } from "../containers/names.ts";
import type { Entry } from "../containers/table.ts";
import type { EventBus } from "../events/bus.ts";
import { planEndpoint } from "./endpoint-plan.ts";
import { chooseGateways } from "./gateway.ts";
import { interfaceOption, nameInterfaces } from "./interface-names.ts";
import { chooseMac } from "./mac.ts";
import type { Attachment, Endpoint, Network, PortMap } from "./network.ts";
import type {
  AddressSource,
  Endpoints,
  NameSource,
  NetworkHost,
  NetworkSource,
  PortSource,
} from "./services.ts";

export interface AttacherParts {
  networks: NetworkSource;
  host: NetworkHost;
  addresses: AddressSource;
  ports: PortSource;
  names: NameSource;
  events: Pick<EventBus, "publish">;
  log: Pick<Log, "warn">;
}

/** The places of a container that is about to start, and how its interfaces are made. */
export interface Placement {
  endpoints: Endpoints;
  plans: EndpointPlan[];
}

/** A network that a container asks for, found. */
interface Place {
  network: Network;
  attachment: Attachment;
  /** The network's interface on the host. */
  hostLink: string;
}

/** Gives containers their places in networks, and takes them back. */
export class Attacher {
  readonly #parts: AttacherParts;
  readonly #publishing = new WeakMap<Entry, Promise<PortMap>>();

  constructor(parts: AttacherParts) {
    this.#parts = parts;
  }

  /** Places in all networks of a container, or in none. */
  async connectAll(container: Container): Promise<Placement> {
    try {
      const { networks, host } = this.#parts;
      const wanted = orderedAttachments(container);
      const hostLinks: string[] = [];
      for (const [name] of wanted) hostLinks.push(await host.ensure(networks.get(name)));
      // Found again, since they can be removed until an address of theirs is in use.
      const places = wanted.map(([name, attachment], index) => ({
        ...{ network: networks.get(name), attachment, hostLink: hostLinks[index] ?? "" },
      }));
      return this.#place(container.id, places);
    } catch (error) {
      this.#parts.addresses.release(container.id);
      throw error;
    }
  }

  /** Publishes what the container publishes; resolves once it can be reached. */
  async publish(entry: Entry, endpoints: Endpoints): Promise<PortMap> {
    const publishing = this.#parts.ports.publish(entry, endpoints);
    this.#publishing.set(entry, publishing);
    return await publishing;
  }

  /** Takes ports and addresses back: the container's processes are gone, or never came. */
  async release(entry: Entry): Promise<void> {
    const { ports, addresses, log } = this.#parts;
    const { id, name } = entry.container;
    // A start can fail while its ports are still being published.
    await this.#publishing.get(entry)?.catch(() => {});
    this.#publishing.delete(entry);
    await ports
      .release(entry)
      .catch((error: unknown) => log.warn(`unpublish ports of ${name}: ${messageOf(error)}`));
    addresses.release(id);
  }

  /** Who is in these networks has changed, and is recorded. */
  async updateNames(endpoints: Endpoints): Promise<void> {
    const { names, log } = this.#parts;
    const update = async ({ networkId }: Endpoint): Promise<void> => {
      await names
        .update(networkId)
        .catch((error: unknown) => log.warn(`update names of ${networkId}: ${messageOf(error)}`));
    };
    await Promise.all(Object.values(endpoints).map(update));
  }

  /** Publishes the events of places that were taken or left. */
  tell(action: "connect" | "disconnect", { container }: Entry, endpoints: Endpoints): void {
    const { networks, events } = this.#parts;
    for (const name of Object.keys(endpoints)) {
      const network = networks.find(name);
      if (network === undefined) continue;
      const attributes = { container: container.id, name, type: network.driver };
      events.publish("network", action, network.id, attributes);
    }
  }

  /** After a daemon restart: only these containers run. */
  reconcile(running: Entry[]): void {
    this.#parts.addresses.releaseAllBut(running.map(({ container }) => container.id));
  }

  #place(containerId: string, places: Place[]): Placement {
    const interfaces = nameInterfaces(
      places
        .filter(({ hostLink }) => hostLink !== "")
        .map(({ network, attachment }) => ({
          network: network.name,
          chosen: attachment.driverOptions[interfaceOption],
        })),
    );
    const endpoints: Endpoints = {};
    for (const place of places) {
      const { name } = place.network;
      endpoints[name] = this.#createEndpoint(containerId, place, interfaces.get(name) ?? "");
    }
    markGateways(endpoints, places);
    const plans = places.flatMap(({ network, attachment, hostLink }) => {
      const endpoint = endpoints[network.name];
      return (endpoint && planEndpoint(network, attachment, endpoint, hostLink)) ?? [];
    });
    return { endpoints, plans };
  }

  #createEndpoint(containerId: string, place: Place, interfaceName: string): Endpoint {
    const { network, attachment } = place;
    const endpointId = newId();
    const lease = this.#parts.addresses.lease(network, containerId, attachment);
    const isBridge = network.driver === "bridge";
    return {
      networkId: network.id,
      endpointId,
      interface: interfaceName,
      // Another one at each start: the kernel takes the one before away in its own time.
      hostInterface: isBridge ? `veth${endpointId.slice(0, 11)}` : "",
      ...lease,
      ...(network.internal ? { gateway: "", gateway6: "" } : {}),
      macAddress:
        interfaceName === "" ? "" : chooseMac(attachment.macAddress, lease.address, endpointId),
      isGateway: { ipv4: false, ipv6: false },
    };
  }
}

/** The first network is the mode's, whatever was asked for besides. */
function orderedAttachments({ attachments, hostConfig }: Container): [string, Attachment][] {
  const isFirst = ([name]: [string, Attachment]): boolean => name === hostConfig.NetworkMode;
  return Object.entries(attachments).toSorted((a, b) => Number(isFirst(b)) - Number(isFirst(a)));
}

function markGateways(endpoints: Endpoints, places: Place[]): void {
  const candidates = places.flatMap(({ network, attachment }) => {
    const endpoint = endpoints[network.name];
    if (endpoint === undefined) return [];
    const { name, internal } = network;
    return [{ network: name, internal, priority: attachment.gatewayPriority, endpoint }];
  });
  const { ipv4, ipv6 } = chooseGateways(candidates);
  for (const [name, endpoint] of Object.entries(endpoints))
    endpoint.isGateway = { ipv4: name === ipv4, ipv6: name === ipv6 };
}
