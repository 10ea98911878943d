import type { NetworkCreated, NetworkSummary, NetworksPruned } from "../api/networks.ts";
import { routes } from "../api/routes.ts";
import type {
  NetworkConnectRequest,
  NetworkCreateRequest,
  NetworkDisconnectRequest,
} from "../api/types.ts";
import type { Filters } from "./engine.ts";
import type { Reply, Transport } from "./transport.ts";

/** The routes of networks; a network is named by its name, its ID or the beginning of that. */
export class Networks {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(filters: Filters): Promise<NetworkSummary[]> {
    const query = { filters: JSON.stringify(filters) };
    return await json(this.#transport.request(routes.networkList, { query }));
  }

  async create(options: NetworkCreateRequest): Promise<NetworkCreated> {
    return await json(this.#transport.request(routes.networkCreate, { json: options }));
  }

  async remove(id: string): Promise<void> {
    await done(this.#transport.request(routes.networkRemove, { path: { id } }));
  }

  async connect(id: string, options: NetworkConnectRequest): Promise<void> {
    await done(this.#transport.request(routes.networkConnect, { path: { id }, json: options }));
  }

  async disconnect(id: string, options: NetworkDisconnectRequest): Promise<void> {
    await done(this.#transport.request(routes.networkDisconnect, { path: { id }, json: options }));
  }

  async prune(filters: Filters): Promise<NetworksPruned> {
    const query = { filters: JSON.stringify(filters) };
    return await json(this.#transport.request(routes.networkPrune, { query }));
  }
}

async function json<T>(reply: Promise<Reply>): Promise<T> {
  return JSON.parse(await (await reply).body.text());
}

async function done(reply: Promise<Reply>): Promise<void> {
  await (await reply).body.bytes();
}
