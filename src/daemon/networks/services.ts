/** What the services of networks offer to a container's start and end; each is told no more than it needs. */
import type { Entry } from "../containers/table.ts";
import type { Endpoint, Network, PortMap } from "./network.ts";

/** The networks there are. */
export interface NetworkSource {
  /** By name, id or unique start of an id. Throws not_found. */
  get(reference: string): Network;
  find(reference: string): Network | undefined;
}

/** The networks' interfaces on the host. */
export interface NetworkHost {
  /** Makes what carries a network where it is not there yet; resolves with its interface, "" for none. */
  ensure(network: Network): Promise<string>;
}

export interface WantedAddresses {
  /** "" to be given one. */
  address: string;
  address6: string;
}

/** Addresses of a container in a network: "" and 0 for a family that the network has not. */
export type Lease = Pick<
  Endpoint,
  "address" | "prefixLength" | "gateway" | "address6" | "prefixLength6" | "gateway6"
>;

/** Who has which address. */
export interface AddressSource {
  lease(network: Network, containerId: string, wanted: WantedAddresses): Lease;
  /** All of a container's, or those in one network. */
  release(containerId: string, networkId?: string): void;
  /** Gives back all but what these containers have in these networks. */
  releaseAllBut(kept: { network: string; container: string }[]): void;
}

export type Endpoints = Record<string, Endpoint>;

/** What a container publishes after a change that is not recorded yet. */
export interface PortExchange {
  ports: PortMap;
  /** As it was before; what fails of that is told in the log. */
  undo(): Promise<void>;
}

/** Ports of containers at addresses of the host. */
export interface PortSource {
  /** All of a container's ports or none; resolves once they can be reached. */
  publish(entry: Entry, endpoints: Endpoints): Promise<PortMap>;
  release(entry: Entry): Promise<void>;
  /** The way out of a container that runs becomes another of `endpoints`: its ports follow it. */
  move(entry: Entry, endpoints: Endpoints): Promise<PortExchange>;
}

/** Names that are resolved in networks. */
export interface NameSource {
  /** Who is in a network, or under which names, has changed. */
  update(networkId: string): Promise<void>;
  /** The places of a container that runs have changed, and are recorded; `before` are those it had. */
  moved(entry: Entry, before: Endpoints): Promise<void>;
}
