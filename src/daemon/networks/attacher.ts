import { EngineError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { EndpointPlan } from "../../native-types/net.ts";
import type { Container } from "../containers/container.ts";
import type { Entry } from "../containers/table.ts";
import type { EventBus } from "../events/bus.ts";
import type { Attachment, Endpoint, PortMap } from "./network.ts";
import type { Place, Places } from "./places.ts";
import type {
  AddressSource,
  Endpoints,
  NameSource,
  NetworkSource,
  PortSource,
} from "./services.ts";

export interface AttacherParts {
  networks: NetworkSource;
  places: Places;
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

/** Gives containers their places in networks, and takes them back. */
export class Attacher {
  readonly #parts: AttacherParts;
  readonly #publishing = new WeakMap<Entry, Promise<PortMap>>();

  constructor(parts: AttacherParts) {
    this.#parts = parts;
  }

  /** Places in all networks of a container, or in none. */
  async connectAll({ id, attachments, hostConfig }: Container): Promise<Placement> {
    const { places, addresses } = this.#parts;
    try {
      const wanted: Place[] = [];
      for (const [name, attachment] of inOrder(attachments, hostConfig.NetworkMode ?? ""))
        wanted.push(await places.prepare(name, attachment, hostConfig));
      const endpoints = places.markGateways(places.take(id, wanted), attachments);
      const plans = wanted.flatMap((place) => places.plan(place, endpoints) ?? []);
      return { endpoints, plans };
    } catch (error) {
      addresses.release(id);
      throw explain(error);
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
    try {
      addresses.release(id);
    } catch (error) {
      log.warn(`release addresses of ${name}: ${messageOf(error)}`);
    }
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

  /** After a daemon restart: only what these containers have is in use. */
  reconcile(running: Entry[]): void {
    const kept = running.flatMap(({ container, state }) =>
      Object.values(state.endpoints).map(({ networkId }) => ({
        ...{ network: networkId, container: container.id },
      })),
    );
    try {
      this.#parts.addresses.releaseAllBut(kept);
    } catch (error) {
      this.#parts.log.warn(`release addresses of containers that have ended: ${messageOf(error)}`);
    }
  }
}

/** Docker's words, which scripts look for. */
function explain(error: unknown): EngineError {
  const { code = "internal", hint } = error instanceof EngineError ? error : {};
  const message = `failed to set up container networking: ${messageOf(error)}`;
  return new EngineError(code, message, { cause: error, ...(hint === undefined ? {} : { hint }) });
}

/** The first network is the mode's, whatever was asked for besides. */
function inOrder(attachments: Container["attachments"], mode: string): [string, Attachment][] {
  const isFirst = ([name]: [string, Attachment]): boolean => name === mode;
  return Object.entries(attachments).toSorted((a, b) => Number(isFirst(b)) - Number(isFirst(a)));
}
