import { bridgeNameOf } from "./bridge-plan.ts";
import { parseIpvlanOptions, parseMacvlanOptions } from "./create/options.ts";
import type { Network } from "./network.ts";

/** The interface of the host that a network hangs on. */
export type HostLink =
  | { kind: "bridge"; name: string }
  /** Of macvlans or ipvlans; `internal`: it leads nowhere. */
  | { kind: "parent"; name: string; internal: boolean }
  | { kind: "none"; name: "" };

/** A network without a parent has one of its own, under the name that Docker gives it. */
export function hostLinkOf(network: Network): HostLink {
  switch (network.driver) {
    case "bridge":
      return { kind: "bridge", name: bridgeNameOf(network) };
    case "macvlan":
      return toParent(network, parseMacvlanOptions(network.options).parent);
    case "ipvlan":
      return toParent(network, parseIpvlanOptions(network.options).parent);
    default:
      return { kind: "none", name: "" };
  }
}

function toParent({ id }: Network, parent: string): HostLink {
  const own = `dm-${id.slice(0, 12)}`;
  return { kind: "parent", name: parent || own, internal: parent === "" };
}
