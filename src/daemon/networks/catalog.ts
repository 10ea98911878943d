import { isDeepStrictEqual } from "node:util";
import { EngineError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { EventBus } from "../events/bus.ts";
import type { NetworkStore } from "../store/network-store.ts";
import { Turns } from "../volumes/turns.ts";
import type { Prefix } from "./address.ts";
import { type CreateSurroundings, decideNetwork } from "./create/decide.ts";
import type { NetworkRequest } from "./create/request.ts";
import { type DefaultBridgeSettings, decideDefaultBridge } from "./default-bridge.ts";
import { filterNetworks, isPrunable } from "./filter.ts";
import { findNetwork, hintAtNames } from "./find.ts";
import type { NetworkHosting } from "./hosting.ts";
import type { AddressBook } from "./ipam/book.ts";
import type { DefaultPool } from "./ipam/default-pools.ts";
import { isUserDefined, type Network } from "./network.ts";
import { buildPredefined } from "./predefined.ts";

export interface CatalogParts {
  store: NetworkStore;
  book: AddressBook;
  hosting: NetworkHosting;
  events: EventBus;
  log: Log;
  defaultPools: readonly DefaultPool[];
  defaultOptions: Readonly<Record<string, Record<string, string>>>;
  defaultBridge: DefaultBridgeSettings;
  /** The id of a predefined network, always the same. */
  idOf(name: string): string;
  newId(): string;
  now(): string;
  /** What this host reaches already. */
  reserved(): Promise<Prefix[]>;
  /** Names and endpoints of the containers that have a place in a network. */
  membersOf(network: Network): { name: string; endpointId: string }[];
}

/** The networks of this engine: the three that every engine has, and those that users make. */
export class NetworkCatalog {
  readonly #parts: CatalogParts;
  readonly #networks = new Map<string, Network>();
  /** One change at a time: what is decided rests on all networks. */
  readonly #turns = new Turns();
  #restored: Promise<void> | undefined;
  #isClosing = false;

  constructor(parts: CatalogParts) {
    this.#parts = parts;
    const { store, idOf, now, defaultBridge } = parts;
    const stored = store.all();
    const own = buildPredefined(idOf, now(), defaultBridge.options);
    for (const network of [...own, ...stored]) this.#networks.set(network.id, network);
    const isStored = (network: Network): boolean => stored.some(({ id }) => id === network.id);
    for (const network of own) if (!isStored(network)) store.save(network);
  }

  /**
   * Decides the default bridge anew, unless containers run on it: once it is known which do. What the user
   * wants of it and cannot have ends the start; that no subnet is free is told to whoever needs one.
   */
  async open(): Promise<void> {
    const { store, book, hosting, log, defaultBridge: wanted, membersOf } = this.#parts;
    const known = this.get("bridge");
    // Leases do not tell: those of containers that a crash has ended are there still.
    const isUsed = membersOf(known).length > 0;
    const isSettled = isUsed && known.pools.length > 0;
    // A record of an earlier version has no pools: whoever runs has addresses by what it has chosen.
    const defaultBridge = isUsed && !isSettled ? withoutWishes(wanted) : wanted;
    const others = this.list().filter((network) => network !== known);
    const around = { ...(await this.#surroundings()), networks: others };
    let decided: Network;
    try {
      decided = decideDefaultBridge(defaultBridge, known, around);
    } catch (error) {
      const { 4: ipv4, 6: ipv6 } = defaultBridge.addresses;
      const isChosen = [ipv4, ipv6].some(
        ({ bip, fixedCidr, gateway }) => bip ?? fixedCidr ?? gateway,
      );
      if (!(error instanceof EngineError)) throw error;
      if (isChosen)
        throw new EngineError(error.code, `default bridge: ${error.message}`, { cause: error });
      log.warn(`the default bridge has no addresses: ${error.message}`);
      return;
    }
    // Nothing is written then: a daemon starts on a full disk too.
    if (isDeepStrictEqual(known, decided)) return;
    if (isSettled) {
      log.warn("settings of the default bridge wait for its containers to end");
      return;
    }
    // A crash leaves it with the addresses that it had.
    if (known.pools.length > 0) await hosting.retire(known, others);
    store.save(decided);
    book.reread(decided.id);
    this.#networks.set(decided.id, decided);
  }

  list(): Network[] {
    return [...this.#networks.values()];
  }

  filtered(filters: ReadonlyMap<string, string[]>): Network[] {
    return filterNetworks(this.list(), filters, (network) => this.#isUsed(network));
  }

  /** By name, full id, or a start of an id that fits no other. */
  find(reference: string): Network | undefined {
    return findNetwork(this.list(), reference);
  }

  /**
   * Throws not_found. A container that is to use the network takes its addresses in the same turn of the
   * event loop, so that the network is in use before anybody can remove it.
   */
  get(reference: string): Network {
    const found = this.find(reference);
    if (found !== undefined) return found;
    throw new EngineError("not_found", `network ${reference} not found`, {
      hint: hintAtNames(this.list().map(({ name }) => name)),
    });
  }

  /** The record first: should the daemon die, the next one makes what is missing on the host. */
  create(request: NetworkRequest): Promise<Network> {
    return this.#turns.take("change", async () => {
      const { store, hosting, events, newId } = this.#parts;
      const network = decideNetwork(newId(), request, await this.#surroundings());
      store.save(network);
      try {
        await hosting.ensure(network);
      } catch (error) {
        await hosting.retire(network, this.list()).catch(() => undefined);
        store.remove(network.id);
        throw error;
      }
      this.#networks.set(network.id, network);
      events.publish("network", "create", network.id, attributesOf(network));
      return network;
    });
  }

  remove(reference: string): Promise<void> {
    return this.#turns.take("change", async () => {
      const network = this.get(reference);
      this.#checkRemovable(network);
      await this.#remove(network);
    });
  }

  /** Removes what no container has a place in; answers their names. */
  async prune(filters: ReadonlyMap<string, string[]>, now: number): Promise<string[]> {
    const { events, log } = this.#parts;
    const names: string[] = [];
    const prunable = this.list().filter((network) => isPrunable(network, filters, now));
    for (const { id, name } of prunable) {
      const gone = await this.#turns
        .take("change", async () => {
          const network = this.#networks.get(id);
          if (network === undefined || this.#isUsed(network)) return false;
          await this.#remove(network);
          return true;
        })
        .catch((error: unknown) => {
          log.warn(`prune network ${name}: ${messageOf(error)}`);
          return false;
        });
      if (gone) names.push(name);
    }
    events.publish("network", "prune", "", { reclaimed: "0" });
    return names;
  }

  /** Makes again what the networks of users have on the host; behind the daemon's first answers. */
  restore(): void {
    this.#restored = this.#restore();
  }

  /** Takes away what all networks have on the host, which the records outlive. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#restored;
    const left = this.list();
    for (let network = left.pop(); network !== undefined; network = left.pop()) {
      const { name } = network;
      await this.#parts.hosting.retire(network, left).catch((error: unknown) => {
        this.#parts.log.warn(`take network ${name} off the host: ${messageOf(error)}`);
      });
    }
  }

  async #restore(): Promise<void> {
    const { hosting, log } = this.#parts;
    for (const network of this.list()) {
      if (this.#isClosing) return;
      if (!isUserDefined(network.name) || network.configOnly) continue;
      await hosting.ensure(network).catch((error: unknown) => {
        log.error(`make network ${network.name} again: ${messageOf(error)}`);
      });
    }
  }

  async #surroundings(): Promise<CreateSurroundings> {
    const { reserved, defaultPools, defaultOptions, now } = this.#parts;
    // The networks last: they change while one waits.
    const routes = await reserved();
    return { now: now(), networks: this.list(), defaultPools, routes, defaultOptions };
  }

  #isUsed(network: Network): boolean {
    return this.#parts.book.isUsed(network.id) || this.#parts.membersOf(network).length > 0;
  }

  #checkRemovable(network: Network): void {
    const { name } = network;
    if (!isUserDefined(name)) {
      throw new EngineError("forbidden", `${name} is a pre-defined network and cannot be removed`);
    }
    const start = "error while removing network:";
    if (network.configOnly && this.list().some(({ configFrom }) => configFrom === name))
      throw new EngineError("forbidden", `${start} configuration network "${name}" is in use`);
    if (!this.#isUsed(network)) return;
    const places = this.#parts
      .membersOf(network)
      .map((member) => `name:"${member.name}" id:"${member.endpointId.slice(0, 12)}"`);
    throw new EngineError(
      "forbidden",
      `${start} network ${name} has active endpoints (${places.join(", ")})`,
      { hint: "stop or disconnect the containers first" },
    );
  }

  async #remove(network: Network): Promise<void> {
    const { store, book, hosting, events } = this.#parts;
    // From now on nobody finds it.
    this.#networks.delete(network.id);
    try {
      await hosting.retire(network, this.list());
      store.remove(network.id);
    } catch (error) {
      this.#networks.set(network.id, network);
      throw error;
    }
    book.forget(network.id);
    if (!network.configOnly)
      events.publish("network", "destroy", network.id, attributesOf(network));
  }
}

function withoutWishes(settings: DefaultBridgeSettings): DefaultBridgeSettings {
  const none = { bip: null, fixedCidr: null, gateway: null };
  return { ...settings, ipv6: false, addresses: { 4: none, 6: none } };
}

function attributesOf({ name, driver }: Network): Record<string, string> {
  return { name, type: driver };
}
