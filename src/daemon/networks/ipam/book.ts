import { EngineError } from "../../../errors.ts";
import type { StoredLease } from "../../store/lease-store.ts";
import { type Family, formatAddress, formatPrefix, parseAddress } from "../address.ts";
import type { Network } from "../network.ts";
import { gatewayFor } from "./gateways.ts";
import { AddressSpace } from "./space.ts";

/** A container's addresses in a network; "" and 0 for a family that the network has not. */
export interface Lease {
  address: string;
  prefixLength: number;
  /** The way out by this network, "" where it has none. */
  gateway: string;
  address6: string;
  prefixLength6: number;
  gateway6: string;
}

/** "" leaves the choice to the book. */
export interface WantedAddresses {
  address: string;
  address6: string;
}

/** Where leases are kept beyond the life of the daemon. */
export interface Leases {
  of(network: string): StoredLease[];
  ofContainer(container: string): StoredLease[];
  find(network: string, container: string): StoredLease | undefined;
  isUsed(network: string): boolean;
  insert(lease: StoredLease): void;
  remove(network: string, container: string): void;
  removeNetwork(network: string): void;
  removeAllBut(kept: { network: string; container: string }[]): void;
  allBut(kept: { network: string; container: string }[]): StoredLease[];
}

interface Choice {
  space: AddressSpace;
  value: bigint;
  given: "by turn" | "as asked";
}

/** Addresses of all networks: who has which. A container has one lease in each of its networks. */
export class AddressBook {
  readonly #store: Leases;
  /** By network, read when first needed. */
  readonly #spaces = new Map<string, AddressSpace[]>();
  /** Given back, which could not be written down on a full disk; tried again before anybody is refused for it. */
  readonly #owed = new Map<string, StoredLease>();

  constructor(store: Leases) {
    this.#store = store;
  }

  /** Addresses for a container that starts; what it had in the network before is given back. */
  lease(network: Network, container: string, wanted?: Partial<WantedAddresses>): Lease {
    if (network.configOnly) {
      throw new EngineError("forbidden", "cannot create endpoint on configuration-only network", {
        hint: `the network ${network.name} carries settings for others, by --config-from`,
      });
    }
    this.#settle();
    this.release(container, network.id);
    const choices = {
      4: this.#choose(network, 4, wanted?.address ?? ""),
      6: this.#choose(network, 6, wanted?.address6 ?? ""),
    };
    const [address, address6] = [textOf(choices[4]), textOf(choices[6])];
    // The record first: what it could not keep was never given.
    this.#store.insert({ network: network.id, container, address, address6 });
    for (const choice of [choices[4], choices[6]]) choice?.space.take(choice.value, choice.given);
    return {
      address: address ?? "",
      prefixLength: choices[4]?.space.prefix.length ?? 0,
      gateway: choices[4] === undefined ? "" : gatewayFor(network, choices[4].space.prefix),
      address6: address6 ?? "",
      prefixLength6: choices[6]?.space.prefix.length ?? 0,
      gateway6: choices[6] === undefined ? "" : gatewayFor(network, choices[6].space.prefix),
    };
  }

  /** In one network, or in all. */
  release(container: string, network?: string): void {
    const leases =
      network === undefined
        ? this.#store.ofContainer(container)
        : [this.#store.find(network, container)];
    for (const lease of leases) if (lease !== undefined) this.#owed.set(keyOf(lease), lease);
    this.#pay();
  }

  releaseAllBut(kept: { network: string; container: string }[]): void {
    try {
      this.#store.removeAllBut(kept);
      this.#spaces.clear();
    } catch (error) {
      for (const lease of this.#store.allBut(kept)) this.#owed.set(keyOf(lease), lease);
      throw error;
    }
  }

  /** Some container has a place in the network. */
  isUsed(network: string): boolean {
    this.#settle();
    return this.#store.isUsed(network);
  }

  /** The network's pools are others now. */
  reread(network: string): void {
    this.#spaces.delete(network);
  }

  /** The network is gone. */
  forget(network: string): void {
    this.#store.removeNetwork(network);
    this.#spaces.delete(network);
  }

  /** By subnet: addresses in use, and what is left of the range that they are given from. */
  usage(network: Network): Map<string, { inUse: bigint; available: bigint }> {
    return new Map(
      this.#spacesOf(network).map((space) => [formatPrefix(space.prefix), space.usage()]),
    );
  }

  #choose(network: Network, family: Family, wanted: string): Choice | undefined {
    const enabled = family === 4 ? network.enableIpv4 : network.enableIpv6;
    const spaces = this.#spacesOf(network).filter((space) => space.family === family);
    if (wanted !== "") return chooseWanted(network, spaces, wanted);
    if (!enabled || !isManaged(network)) return undefined;
    for (const space of spaces) {
      const value = space.next();
      if (value !== undefined) return { space, value, given: "by turn" };
    }
    throw new EngineError(
      "unavailable",
      `no available IPv${family} addresses on this network's address pools: ${network.name} (${network.id})`,
    );
  }

  #settle(): void {
    try {
      this.#pay();
    } catch {
      // The disk is still full, which was told when it began.
    }
  }

  #pay(): void {
    for (const [key, { network, container, address, address6 }] of this.#owed) {
      this.#store.remove(network, container);
      this.#owed.delete(key);
      for (const text of [address, address6]) this.#giveBack(network, text);
    }
  }

  #giveBack(network: string, text: string | null): void {
    const address = text === null ? undefined : parseAddress(text);
    if (address === undefined) return;
    const space = this.#spaces
      .get(network)
      ?.find((each) => each.family === address.family && each.holds(address.value));
    space?.giveBack(address.value);
  }

  #spacesOf(network: Network): AddressSpace[] {
    const known = this.#spaces.get(network.id);
    if (known !== undefined) return known;
    const leased: Record<Family, bigint[]> = { 4: [], 6: [] };
    for (const { address, address6 } of this.#store.of(network.id)) {
      for (const text of [address, address6]) {
        const parsed = text === null ? undefined : parseAddress(text);
        if (parsed !== undefined) leased[parsed.family].push(parsed.value);
      }
    }
    const spaces = network.pools.map((pool) => {
      const family = pool.subnet.includes(":") ? 6 : 4;
      return new AddressSpace(pool, leased[family]);
    });
    this.#spaces.set(network.id, spaces);
    return spaces;
  }
}

function keyOf({ network, container }: StoredLease): string {
  return `${network} ${container}`;
}

/** Addresses are given in the network: it is neither the host's nor none, nor does its user see to them. */
function isManaged({ driver, ipamDriver }: Network): boolean {
  return driver !== "host" && driver !== "null" && ipamDriver === "default";
}

function chooseWanted(network: Network, spaces: AddressSpace[], wanted: string): Choice {
  const parsed = parseAddress(wanted);
  const space = spaces.find((each) => each.family === parsed?.family && each.holds(parsed.value));
  if (parsed === undefined || space === undefined) {
    throw new EngineError(
      "invalid_argument",
      `invalid address ${wanted}: no subnet of network ${network.name} contains it`,
    );
  }
  space.checkFree(parsed.value);
  return { space, value: parsed.value, given: "as asked" };
}

function textOf(choice: Choice | undefined): string | null {
  return choice === undefined ? null : formatAddress(choice.space.family, choice.value);
}
