import { routes } from "../api/routes.ts";
import type {
  Volume,
  VolumeCreateOptions,
  VolumeListResponse,
  VolumePruneResponse,
} from "../api/types.ts";
import type { Filters } from "./engine.ts";
import type { Reply, Transport } from "./transport.ts";

/** The routes of volumes. */
export class Volumes {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(filters: Filters): Promise<VolumeListResponse> {
    const query = { filters: JSON.stringify(filters) };
    return await json(this.#transport.request(routes.volumeList, { query }));
  }

  async create(options: VolumeCreateOptions): Promise<Volume> {
    return await json(this.#transport.request(routes.volumeCreate, { json: options }));
  }

  async remove(name: string, force: boolean): Promise<void> {
    const query = { force: force || undefined };
    const reply = this.#transport.request(routes.volumeRemove, { path: { name }, query });
    await (await reply).body.bytes();
  }

  async prune(filters: Filters): Promise<VolumePruneResponse> {
    const query = { filters: JSON.stringify(filters) };
    return await json(this.#transport.request(routes.volumePrune, { query }));
  }
}

async function json<T>(reply: Promise<Reply>): Promise<T> {
  return JSON.parse(await (await reply).body.text());
}
