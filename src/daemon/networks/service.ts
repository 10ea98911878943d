import { EngineError } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";
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
  #made: { id: string; address: string } | undefined;
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

  /** An address on the default bridge; undefined before there is one. */
  allocate(
    container: string,
  ): { address: string; prefixLength: number; gateway: string } | undefined {
    if (this.#made === undefined) return undefined;
    const { id, address: gateway } = this.#made;
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
    return { gateway: gatewayAddress, address: text, prefixLength: subnet.prefix };
  }

  release(container: string): void {
    this.#store.release(container);
  }

  releaseAllBut(containers: string[]): void {
    this.#store.releaseAllBut(containers);
  }

  /** Made when first needed, so that a daemon without bridged containers changes nothing on the host. */
  async ensureBridge(): Promise<void> {
    this.#bridge ??= this.#createBridge().catch((error: unknown) => {
      this.#bridge = undefined;
      throw error;
    });
    this.#made = await this.#bridge;
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
