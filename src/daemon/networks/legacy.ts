import { EngineError } from "../../errors.ts";
import { isUserDefined, type Network } from "./network.ts";
import type { NetworkService } from "./service.ts";
import type {
  AddressSource,
  Lease,
  NetworkHost,
  NetworkSource,
  WantedAddresses,
} from "./services.ts";

/** Only the default networks, by today's service: stands in for the catalog, the host and the addresses. */
export class LegacyNetworks implements NetworkSource, NetworkHost, AddressSource {
  readonly #service: NetworkService;

  constructor(service: NetworkService) {
    this.#service = service;
  }

  get(reference: string): Network {
    const name = this.#service.resolve(reference);
    return {
      id: this.#service.id(name),
      name,
      createdAt: "",
      driver: name === "none" ? "null" : (name as "bridge" | "host"),
      enableIpv4: name === "bridge",
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
    };
  }

  find(reference: string): Network | undefined {
    const name = reference === "" || reference === "default" ? "bridge" : reference;
    return isUserDefined(name) ? undefined : this.get(name);
  }

  async ensure({ driver }: Network): Promise<string> {
    if (driver !== "bridge") return "";
    await this.#service.ensureBridge();
    return this.#service.bridgeName;
  }

  lease(network: Network, containerId: string, _wanted: WantedAddresses): Lease {
    const none = { address: "", prefixLength: 0, gateway: "" };
    const none6 = { address6: "", prefixLength6: 0, gateway6: "" };
    if (network.driver !== "bridge") return { ...none, ...none6 };
    const leased = this.#service.allocate(containerId);
    if (leased === undefined)
      throw new EngineError("internal", "the default bridge has not been made");
    return { ...leased, ...none6 };
  }

  release(containerId: string): void {
    this.#service.release(containerId);
  }

  releaseAllBut(containerIds: string[]): void {
    this.#service.releaseAllBut(containerIds);
  }
}
