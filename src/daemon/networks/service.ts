import type { NetworkCatalog } from "./catalog.ts";

/** Networks as a container's create names them. */
export class NetworkService {
  readonly #catalog: NetworkCatalog;

  constructor(catalog: NetworkCatalog) {
    this.#catalog = catalog;
  }

  /** The network's name; throws not_found for one that does not exist. "" and "default" mean bridge. */
  resolve(mode: string): string {
    return this.#catalog.get(mode === "" || mode === "default" ? "bridge" : mode).name;
  }

  id(name: string): string {
    return this.#catalog.find(name)?.id ?? "";
  }
}
