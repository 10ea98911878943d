import { routes } from "../api/routes.ts";
import { readJsonStream } from "./json-stream.ts";
import type { Transport } from "./transport.ts";

/** Reply to GET /containers/ID/top. */
export interface ContainerTop {
  Titles: string[];
  Processes: string[][] | null;
}

interface CpuStats {
  cpu_usage: { total_usage: number; percpu_usage?: number[] | null };
  system_cpu_usage?: number;
  online_cpus?: number;
}

/** What is shown of a report of GET /containers/ID/stats. */
export interface ContainerStats {
  id: string;
  name: string;
  read: string;
  cpu_stats: CpuStats;
  precpu_stats: CpuStats;
  memory_stats: { usage?: number; limit?: number; stats?: Record<string, number> };
  pids_stats: { current?: number };
  blkio_stats: { io_service_bytes_recursive: { op: string; value: number }[] | null };
  networks?: Record<string, { rx_bytes: number; tx_bytes: number }>;
}

/** What containers do and use. */
export class MetricsClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async top(id: string, options: string): Promise<ContainerTop> {
    const query = { ps_args: options || undefined };
    const reply = await this.#transport.request(routes.containerTop, { path: { id }, query });
    return JSON.parse(await reply.body.text());
  }

  /** A report each second, or one. */
  async *stats(id: string, stream: boolean, signal?: AbortSignal): AsyncGenerator<ContainerStats> {
    const options = { path: { id }, query: { stream: String(stream) }, signal };
    const reply = await this.#transport.request(routes.containerStats, options);
    yield* readJsonStream<ContainerStats>(reply.body);
  }
}
