import { EngineError } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";
import type { PublishedPort } from "../../native-types/net.ts";
import { buildBridgePlan } from "./bridge-plan.ts";
import { type HostLink, hostLinkOf } from "./host-link.ts";
import type { Network } from "./network.ts";

export interface HostingParts {
  native: Pick<
    Native,
    "ensureBridge" | "ensureParent" | "removeBridge" | "removeParent" | "resetRules"
  >;
  hasInterface(name: string): boolean;
  /** The host's ends of the wires of containers that run in it. */
  wiresOf(network: Network): string[];
}

interface Made {
  link: HostLink;
  done: Promise<void>;
  /** It stood: if it does not stand now, somebody has taken it away. */
  isDone: boolean;
}

/** What networks have on the host: bridges and parents of other interfaces, made when first needed. */
export class NetworkHosting {
  readonly #parts: HostingParts;
  /** By network's id. */
  readonly #made = new Map<string, Made>();

  constructor(parts: HostingParts) {
    this.#parts = parts;
  }

  /** Makes what carries the network where it does not stand; resolves with its interface on the host, "" for none. */
  async ensure(network: Network): Promise<string> {
    const link = hostLinkOf(network);
    if (link.kind === "bridge" && network.pools.length === 0) throw withoutSubnet(network);
    const known = this.#made.get(network.id);
    const isGone = known?.isDone && link.kind !== "none" && !this.#parts.hasInterface(link.name);
    const made = known === undefined || isGone ? this.#keep(network, link) : known;
    await made.done;
    return link.name;
  }

  /**
   * Takes away what the network has on the host, and none of the others uses; a bridge that was there before it
   * loses the rules alone.
   */
  async retire(network: Network, others: readonly Network[]): Promise<void> {
    const link = hostLinkOf(network);
    await this.#made.get(network.id)?.done.catch(() => undefined);
    this.#made.delete(network.id);
    const { native } = this.#parts;
    if (link.kind === "bridge") await native.removeBridge(link.name);
    const isShared = others.some((other) => hostLinkOf(other).name === link.name);
    if (link.kind === "parent" && !isShared) await native.removeParent(link.name);
  }

  /** Puts the rules of networks and ports that an earlier daemon has left as they should be, in one step. */
  async adopt(
    networks: readonly Network[],
    published: Record<string, PublishedPort[]>,
  ): Promise<void> {
    const bridges = networks
      .filter(({ pools }) => pools.length > 0)
      .map((network) => buildBridgePlan(network));
    await this.#parts.native.resetRules({ bridges, published });
  }

  #keep(network: Network, link: HostLink): Made {
    const making = this.#make(network, link);
    const made: Made = { link, done: making, isDone: false };
    made.done = making.then(
      () => {
        made.isDone = true;
      },
      (error: unknown) => {
        if (this.#made.get(network.id) === made) this.#made.delete(network.id);
        throw error;
      },
    );
    this.#made.set(network.id, made);
    return made;
  }

  async #make(network: Network, link: HostLink): Promise<void> {
    const { native, wiresOf } = this.#parts;
    if (link.kind === "bridge")
      await native.ensureBridge({ ...buildBridgePlan(network), wires: wiresOf(network) });
    if (link.kind === "parent")
      await native.ensureParent({ name: link.name, internal: link.internal });
  }
}

/** Only the default bridge can be without: the daemon starts all the same. */
function withoutSubnet({ name }: Network): EngineError {
  return new EngineError(
    "unavailable",
    `no subnet is free for the network ${name}: every pool overlaps a route of this host`,
    { hint: "choose one with `rt daemon --bip ADDRESS/PREFIX`" },
  );
}
