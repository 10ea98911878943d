import { EngineError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { EndpointRequest, Native } from "../../native-types/native.ts";
import { isRunning } from "../containers/container.ts";
import type { ContainerTable, Entry } from "../containers/table.ts";
import type { Attacher } from "./attacher.ts";
import { plainAttachment } from "./attachment.ts";
import type { Attachment, Endpoint, Network } from "./network.ts";
import type { Place, Places } from "./places.ts";
import type {
  AddressSource,
  Endpoints,
  NameSource,
  NetworkSource,
  PortExchange,
  PortSource,
} from "./services.ts";

export interface LiveParts {
  native: Pick<Native, "connect" | "disconnect" | "setGateways">;
  table: Pick<ContainerTable, "saveState" | "saveAnyway" | "saveContainer" | "save">;
  networks: NetworkSource;
  places: Places;
  addresses: AddressSource;
  ports: PortSource;
  names: NameSource;
  attacher: Pick<Attacher, "updateNames" | "tell">;
  log: Pick<Log, "warn">;
}

type Person = EndpointRequest["container"];

/**
 * Networks of containers that run. A place is recorded as unsettled before anything is made or taken away: should
 * the daemon die in between, the next one takes it away.
 */
export class LiveNetworks {
  readonly #parts: LiveParts;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  /** Gives the container a place, or leaves it as it was. */
  async join(entry: Entry, { id, name }: Network, attachment: Attachment): Promise<void> {
    const { places, table, native, attacher } = this.#parts;
    const place = await places.prepare(id, attachment, entry.container.hostConfig);
    const attachments = { ...entry.container.attachments, [name]: attachment };
    const person = personOf(entry);
    // What an earlier change could not take away.
    if (entry.state.endpoints[name]?.isUnsettled) await this.leave(entry, name);
    const before = entry.state.endpoints;
    const endpoints = this.#take(entry, place, attachments);
    const joined = { [name]: endpoints[name] as Endpoint };
    let moved: PortExchange | undefined;
    try {
      const endpoint = places.plan(place, endpoints);
      if (endpoint !== null) await native.connect({ container: person, endpoint });
      if (!isIn(entry, joined)) throw endedMeanwhile(entry);
      moved = await this.#movePorts(entry, endpoints);
      if (!isIn(entry, joined)) throw endedMeanwhile(entry);
      const { ports } = moved;
      table.save(entry, { ...entry.container, attachments }, { ...entry.state, endpoints, ports });
    } catch (error) {
      await moved?.undo();
      await this.#undo(entry, person, place, joined);
      throw error;
    }
    await this.#tellNames(entry, before, joined);
    attacher.tell("connect", entry, joined);
  }

  /** Takes the place away; on failure it stays unsettled, and can be left again. */
  async leave(entry: Entry, name: string): Promise<void> {
    const { table, native, addresses, attacher } = this.#parts;
    const { container, state } = entry;
    const leaving = state.endpoints[name];
    if (leaving === undefined) return;
    const person = personOf(entry);
    const gone = { [name]: leaving };
    const endpoint = await this.#plan(entry, name, state.endpoints);
    if (isIn(entry, gone)) {
      await this.#moveOn(entry, person, name);
      if (endpoint !== null) await native.disconnect({ container: person, endpoint });
    }
    const { [name]: _left, ...attachments } = entry.container.attachments;
    const left = { ...entry.container, attachments };
    // Its end leaves all places, and tells of it.
    if (!isIn(entry, gone)) return table.saveContainer(entry, left);
    addresses.release(container.id, leaving.networkId);
    const endpoints = without(entry.state.endpoints, name);
    table.save(entry, left, { ...entry.state, endpoints });
    await this.#tellNames(entry, state.endpoints, gone);
    attacher.tell("disconnect", entry, gone);
  }

  /** In one turn of the event loop: that the container runs, that the network is there, addresses, record. */
  #take(entry: Entry, place: Place, attachments: Record<string, Attachment>): Endpoints {
    const { places, table, addresses } = this.#parts;
    // Its end begins with the loss of its monitor.
    if (!isRunning(entry.state) || entry.monitor === undefined) throw endedMeanwhile(entry);
    const before = entry.state.endpoints;
    const interfaces = Object.values(before).map((each) => each.interface);
    const added = places.take(entry.container.id, [place], interfaces);
    const unsettled = Object.entries(added).map(([name, endpoint]) => [
      name,
      { ...endpoint, isUnsettled: true } as const,
    ]);
    const recorded = { ...before, ...Object.fromEntries(unsettled) };
    try {
      table.saveState(entry, { ...entry.state, endpoints: recorded });
    } catch (error) {
      addresses.release(entry.container.id, place.network.id);
      throw error;
    }
    return places.markGateways({ ...before, ...added }, attachments);
  }

  /** An interface that cannot be taken away keeps its place, unsettled. */
  async #undo(entry: Entry, person: Person, place: Place, joined: Endpoints): Promise<void> {
    const { native, table, places, addresses, log } = this.#parts;
    const { name, id } = place.network;
    const attempt = (step: () => Promise<void>): Promise<boolean> =>
      step().then(
        () => true,
        (error: unknown) => {
          log.warn(`undo connecting ${entry.container.name} to ${name}: ${messageOf(error)}`);
          return false;
        },
      );
    const isAway = await attempt(async () => {
      const endpoint = places.plan(place, joined);
      if (endpoint !== null) await native.disconnect({ container: person, endpoint });
    });
    if (!isIn(entry, joined)) return;
    await attempt(() => this.#setWayOut(entry, person, without(entry.state.endpoints, name)));
    if (!isAway || !isIn(entry, joined)) return;
    await attempt(async () => {
      addresses.release(entry.container.id, id);
      table.saveState(entry, { ...entry.state, endpoints: without(entry.state.endpoints, name) });
    });
  }

  /** Marks the place as unsettled, and leads out by those that are left, with what is published. */
  async #moveOn(entry: Entry, person: Person, name: string): Promise<void> {
    const { table, places } = this.#parts;
    const before = entry.state.endpoints;
    const left = places.markGateways(without(before, name), entry.container.attachments);
    const leaving = before[name] as Endpoint;
    const unsettled = { ...leaving, isUnsettled: true } as const;
    table.saveState(entry, { ...entry.state, endpoints: { ...before, [name]: unsettled } });
    // A daemon that was killed may have led out by a place that it had not recorded yet.
    const isDoubtful = leaving.isUnsettled === true;
    const isMoving = isDoubtful || !isSame(wayOut(before), wayOut(left));
    const { ports } = isMoving ? await this.#leadOut(entry, person, left) : entry.state;
    if (!isIn(entry, { [name]: unsettled })) return;
    const isGateway = { ipv4: false, ipv6: false };
    const endpoints = { ...left, [name]: { ...unsettled, isGateway } };
    table.saveAnyway(entry, { ...entry.state, endpoints, ports });
  }

  /** What fails of it does not hold the container in a network. */
  async #leadOut(entry: Entry, person: Person, left: Endpoints): Promise<PortExchange> {
    try {
      await this.#setWayOut(entry, person, left);
      // Its end has given back all that it published.
      if (entry.monitor !== undefined) return await this.#movePorts(entry, left);
    } catch (error) {
      this.#parts.log.warn(`find another way out for ${entry.container.name}: ${messageOf(error)}`);
    }
    return unmoved(entry);
  }

  /** Its neighbours hear of it, and the container itself. */
  async #tellNames(entry: Entry, before: Endpoints, changed: Endpoints): Promise<void> {
    const { attacher, names, log } = this.#parts;
    await attacher.updateNames(changed);
    if (!isRunning(entry.state)) return;
    await names.moved(entry, before).catch((error: unknown) => {
      log.warn(`tell ${entry.container.name} of its networks: ${messageOf(error)}`);
    });
  }

  async #setWayOut(entry: Entry, container: Person, endpoints: Endpoints): Promise<void> {
    for (const name of new Set(Object.values(wayOut(endpoints)))) {
      const endpoint = name === undefined ? null : await this.#plan(entry, name, endpoints);
      if (endpoint !== null) await this.#parts.native.setGateways({ container, endpoint });
    }
  }

  /** Ports follow the way out. */
  async #movePorts(entry: Entry, endpoints: Endpoints): Promise<PortExchange> {
    return isSame(wayOut(entry.state.endpoints), wayOut(endpoints))
      ? unmoved(entry)
      : await this.#parts.ports.move(entry, endpoints);
  }

  async #plan({ container }: Entry, name: string, endpoints: Endpoints) {
    const { places, networks } = this.#parts;
    if (networks.find(name) === undefined) return null;
    // A daemon that was killed may have made an interface of what it had not recorded yet.
    const { attachments, hostConfig } = container;
    const known = Object.hasOwn(attachments, name) ? attachments[name] : undefined;
    const attachment = known ?? plainAttachment();
    return places.plan(await places.prepare(name, attachment, hostConfig), endpoints);
  }
}

function unmoved({ state: { ports } }: Entry): PortExchange {
  return { ports, undo: async () => {} };
}

interface WayOut {
  ipv4: string | undefined;
  ipv6: string | undefined;
}

function wayOut(endpoints: Endpoints): WayOut {
  const entries = Object.entries(endpoints);
  return {
    ipv4: entries.find(([, { isGateway }]) => isGateway.ipv4)?.[0],
    ipv6: entries.find(([, { isGateway }]) => isGateway.ipv6)?.[0],
  };
}

function isSame(one: WayOut, other: WayOut): boolean {
  return one.ipv4 === other.ipv4 && one.ipv6 === other.ipv6;
}

/** The container is still in this very place: it may have ended, which begins with the loss of its monitor. */
function isIn({ state, monitor }: Entry, place: Endpoints): boolean {
  return (
    monitor !== undefined &&
    Object.entries(place).every(
      ([name, { endpointId }]) => state.endpoints[name]?.endpointId === endpointId,
    )
  );
}

function without(endpoints: Endpoints, name: string): Endpoints {
  const { [name]: _gone, ...others } = endpoints;
  return others;
}

function personOf({ container, state }: Entry): Person {
  return { id: container.id, pid: state.pid };
}

function endedMeanwhile({ container }: Entry): EngineError {
  return new EngineError("conflict", `container ${container.id} is not running`);
}
