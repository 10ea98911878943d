/** Networks for unit tests. */
import { EngineError } from "../../../errors.ts";
import type { Network } from "../../networks/network.ts";
import type { NetworkSource } from "../../networks/services.ts";

export function createNetwork(name: string, changes: Partial<Network> = {}): Network {
  return {
    id: `id-${name}`,
    name,
    createdAt: "",
    driver: "bridge",
    enableIpv4: true,
    enableIpv6: false,
    internal: false,
    attachable: false,
    configOnly: false,
    configFrom: "",
    pools: [],
    options: {},
    ipamDriver: "default",
    ipamOptions: {},
    labels: {},
    ...changes,
  };
}

/** Of a subnet that somebody asked for. */
export function createPool(subnet: string): Network["pools"][number] {
  return { subnet, range: null, gateway: null, auxiliary: {}, isConfigured: true };
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
