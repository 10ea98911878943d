import { EngineError } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";
import type { PublishedPort } from "../../native-types/net.ts";
import { bridgeNameOf, buildBridgePlan } from "./bridge-plan.ts";
import { optionNames } from "./create/options.ts";
import type { Network } from "./network.ts";

export interface HostingParts {
  native: Pick<Native, "ensureBridge" | "removeBridge" | "resetRules">;
}

/** What networks have on the host: their bridges, made when first needed. */
export class NetworkHosting {
  readonly #parts: HostingParts;
  /** By network's id. */
  readonly #ready = new Map<string, Promise<void>>();

  constructor(parts: HostingParts) {
    this.#parts = parts;
  }

  /** Makes what carries the network, once; resolves with its interface on the host, "" for none. */
  async ensure(network: Network): Promise<string> {
    if (network.driver !== "bridge") return network.options[optionNames.parent] ?? "";
    if (network.pools.length === 0) throw withoutSubnet(network);
    await (this.#ready.get(network.id) ?? this.#make(network));
    return bridgeNameOf(network);
  }

  /** Takes away what the network has on the host. */
  async retire(network: Network): Promise<void> {
    if (network.driver !== "bridge") return;
    await this.#ready.get(network.id)?.catch(() => undefined);
    this.#ready.delete(network.id);
    if (network.foundBridge !== true) await this.#parts.native.removeBridge(bridgeNameOf(network));
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

  #make(network: Network): Promise<void> {
    const making = this.#parts.native.ensureBridge(buildBridgePlan(network));
    const ready = making.catch((error: unknown) => {
      this.#ready.delete(network.id);
      throw error;
    });
    this.#ready.set(network.id, ready);
    return ready;
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
