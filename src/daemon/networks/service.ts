import { EngineError } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";
import type { Endpoint } from "../containers/container.ts";
import { newId } from "../containers/names.ts";
import type { EndpointStore } from "../store/endpoint-store.ts";
import type { SettingStore } from "../store/setting-store.ts";
import {
  chooseSubnet,
  formatAddress,
  formatSubnet,
  nextAddress,
  parseAddress,
  parseSubnet,
} from "./subnet.ts";

type NetworkNative = Pick<Native, "configureRules" | "ensureBridge" | "listRoutes">;

export interface NetworkOptions {
  bridgeName: string;
  tableName: string;
  /** Address of the default bridge when the user chose it. */
  bip: string | null;
}

const builtIn = ["bridge", "host", "none"];

/** The default networks: bridge, host and none. */
export class NetworkService {
  readonly #native: NetworkNative;
  readonly #store: EndpointStore;
  readonly #settings: SettingStore;
  readonly #options: NetworkOptions;
  #bridge: Promise<{ id: string; address: string }> | undefined;
  #last = 0;

  constructor(
    native: NetworkNative,
    store: EndpointStore,
    settings: SettingStore,
    options: NetworkOptions,
  ) {
    this.#native = native;
    this.#store = store;
    this.#settings = settings;
    this.#options = options;
    native.configureRules({ table: options.tableName });
  }

  get bridgeName(): string {
    return this.#options.bridgeName;
  }

  /** Throws not_found for a network that does not exist. "" and "default" mean bridge. */
  resolve(mode: string): string {
    const name = mode === "" || mode === "default" ? "bridge" : mode;
    if (!builtIn.includes(name)) throw new EngineError("not_found", `network ${name} not found`);
    return name;
  }

  id(name: string): string {
    return this.#settings.ensure(`network.${name}.id`, newId);
  }

  /** A place on the default bridge for a container that is about to start; `mac` "" follows from the address. */
  async allocate(container: string, mac: string): Promise<Endpoint> {
    const { id, address: gateway } = await this.#ensureBridge();
    const subnet = parseSubnet(gateway);
    const gatewayAddress = gateway.split("/")[0] ?? "";
    const taken = new Set(this.#store.addresses(id).map(parseAddress)).add(
      parseAddress(gatewayAddress),
    );
    const address = nextAddress(subnet, taken, this.#last);
    if (address === undefined) {
      throw new EngineError(
        "unavailable",
        `no free address is left in the network "bridge" (${gateway})`,
      );
    }
    this.#last = address;
    const text = formatAddress(address);
    this.#store.assign(container, id, text);
    return {
      networkId: id,
      endpointId: newId(),
      gateway: gatewayAddress,
      address: text,
      prefixLength: subnet.prefix,
      macAddress: mac || macFor(address),
    };
  }

  release(container: string): void {
    this.#store.release(container);
  }

  releaseAllBut(containers: string[]): void {
    this.#store.releaseAllBut(containers);
  }

  /** Made when first needed, so that a daemon without bridged containers changes nothing on the host. */
  #ensureBridge(): Promise<{ id: string; address: string }> {
    this.#bridge ??= this.#createBridge().catch((error: unknown) => {
      this.#bridge = undefined;
      throw error;
    });
    return this.#bridge;
  }

  async #createBridge(): Promise<{ id: string; address: string }> {
    const address =
      this.#options.bip ??
      this.#settings.find("network.bridge.address") ??
      (await this.#chooseAddress());
    await this.#native.ensureBridge({
      name: this.#options.bridgeName,
      addresses: [address],
      subnets: [formatSubnet(parseSubnet(address))],
      mtu: 1500,
      rules: { masquerade: true, internal: false, icc: true },
    });
    return { id: this.id("bridge"), address };
  }

  async #chooseAddress(): Promise<string> {
    const routes = await this.#native.listRoutes();
    const address = chooseSubnet(routes.filter((route) => !route.includes(":")));
    if (address === undefined) {
      throw new EngineError(
        "unavailable",
        "no subnet is free for the default bridge: every pool overlaps a route of this host",
        {
          hint: "choose one with `rt daemon --bip ADDRESS/PREFIX`",
        },
      );
    }
    this.#settings.save("network.bridge.address", address);
    return address;
  }
}

/** Locally administered, from the address: a peer's ARP entry stays true when an address is used again. */
function macFor(address: number): string {
  const bytes = [24, 16, 8, 0].map((shift) =>
    ((address >>> shift) & 255).toString(16).padStart(2, "0"),
  );
  return ["02", "42", ...bytes].join(":");
}
