import type { Member } from "./view.ts";

/** The part of a container that says where it is. */
export interface Placed {
  container: { id: string; name: string };
  state: { endpoints: Readonly<Record<string, Place>> };
}

interface Place {
  networkId: string;
  hostInterface?: string;
  endpointId: string;
  macAddress: string;
  address: string;
  prefixLength: number;
  address6?: string;
  prefixLength6?: number;
}

/** Containers that have a place in a network, and which. */
export function membersOf(entries: readonly Placed[], networkId: string): Member[] {
  return entries.flatMap(({ container, state }) =>
    Object.values(state.endpoints)
      .filter((place) => place.networkId === networkId)
      .map((place) => ({
        containerId: container.id,
        name: container.name,
        endpointId: place.endpointId,
        macAddress: place.macAddress,
        address: withPrefix(place.address, place.prefixLength),
        address6: withPrefix(place.address6 ?? "", place.prefixLength6 ?? 0),
      })),
  );
}

/** The host's ends of their wires. */
export function wiresOf(entries: readonly Pick<Placed, "state">[], networkId: string): string[] {
  return entries
    .flatMap(({ state }) => Object.values(state.endpoints))
    .filter((place) => place.networkId === networkId)
    .flatMap(({ hostInterface }) => hostInterface || []);
}

function withPrefix(address: string, length: number): string {
  return address === "" ? "" : `${address}/${length}`;
}
