import type { PublishChanges } from "../api/publish.ts";
import { routes } from "../api/routes.ts";
import type { HostConfig } from "../api/types.ts";
import type { Filters } from "./engine.ts";
import type { Transport } from "./transport.ts";

/** What an update may change. */
export type ContainerChanges = PublishChanges &
  Pick<
    HostConfig,
    | "RestartPolicy"
    | "BlkioWeight"
    | "CpuPeriod"
    | "CpuQuota"
    | "CpuRealtimePeriod"
    | "CpuRealtimeRuntime"
    | "CpuShares"
    | "CpusetCpus"
    | "CpusetMems"
    | "Memory"
    | "MemoryReservation"
    | "MemorySwap"
    | "NanoCpus"
    | "PidsLimit"
  >;

/** What is done to containers that exist, beyond starting and stopping them. */
export class LifecycleClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async restart(
    id: string,
    { timeout, signal }: { timeout: number | undefined; signal: string | undefined },
  ): Promise<void> {
    const query = { t: timeout, signal: signal || undefined };
    const reply = await this.#transport.request(routes.containerRestart, { path: { id }, query });
    await reply.body.bytes();
  }

  async pause(id: string): Promise<void> {
    const reply = await this.#transport.request(routes.containerPause, { path: { id } });
    await reply.body.bytes();
  }

  async unpause(id: string): Promise<void> {
    const reply = await this.#transport.request(routes.containerUnpause, { path: { id } });
    await reply.body.bytes();
  }

  async rename(id: string, name: string): Promise<void> {
    const query = { name };
    const reply = await this.#transport.request(routes.containerRename, { path: { id }, query });
    await reply.body.bytes();
  }

  /** Resolves with the engine's warnings. */
  async update(id: string, changes: ContainerChanges): Promise<string[]> {
    const options = { path: { id }, json: changes };
    const reply = await this.#transport.request(routes.containerUpdate, options);
    return JSON.parse(await reply.body.text()).Warnings ?? [];
  }

  async prune(filters: Filters): Promise<{ ContainersDeleted: string[]; SpaceReclaimed: number }> {
    const query = { filters: JSON.stringify(filters) };
    const reply = await this.#transport.request(routes.containerPrune, { query });
    return JSON.parse(await reply.body.text());
  }
}
