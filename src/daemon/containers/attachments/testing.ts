/** Networks for unit tests. */
import { EngineError } from "../../../errors.ts";
import type { Network } from "../../networks/network.ts";
import { sampleNetwork } from "../../networks/sample.ts";
import type { NetworkSource } from "../../networks/services.ts";

/** With an id that tells it from others. */
export function createNetwork(
  name: string,
  pools: Parameters<typeof sampleNetwork>[0] = [],
  changes: Partial<Network> = {},
): Network {
  return sampleNetwork(pools, { id: `id-${name}`, name, ...changes });
}

/** Found by name and by the whole id. */
export class FixedNetworks implements NetworkSource {
  readonly #networks: Network[];

  constructor(networks: Network[]) {
    this.#networks = networks;
  }

  find(reference: string): Network | undefined {
    return this.#networks.find(({ id, name }) => id === reference || name === reference);
  }

  get(reference: string): Network {
    const found = this.find(reference);
    if (found === undefined) throw new EngineError("not_found", `network ${reference} not found`);
    return found;
  }
}
