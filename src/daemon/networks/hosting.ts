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
}

interface Made {
  link: HostLink;
  done: Promise<void>;
}

/** What networks have on the host: bridges and parents of other interfaces, made when first needed. */
export class NetworkHosting {
  readonly #parts: HostingParts;
  /** By network's id. */
  readonly #made = new Map<string, Made>();

  constructor(parts: HostingParts) {
    this.#parts = parts;
  }

  /** Makes what carries the network, once; resolves with its interface on the host, "" for none. */
  async ensure(network: Network): Promise<string> {
    const link = hostLinkOf(network);
    if (link.kind === "bridge" && network.pools.length === 0) throw withoutSubnet(network);
    const { done } = this.#made.get(network.id) ?? this.#keep(network, link);
    await done;
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
    const done = this.#make(network, link).catch((error: unknown) => {
      this.#made.delete(network.id);
      throw error;
    });
    const made = { link, done };
    this.#made.set(network.id, made);
    return made;
  }

  async #make(network: Network, link: HostLink): Promise<void> {
    const { native } = this.#parts;
    if (link.kind === "bridge") await native.ensureBridge(buildBridgePlan(network));
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
