import type { Engine } from "../../client/engine.ts";
import { type ContainerStats, MetricsClient } from "../../client/metrics.ts";

/** A container of the list: as it was named, and its last report. */
interface Watched {
  container: string;
  stats: ContainerStats | undefined;
  stop(): void;
}

/** The containers that are shown, each with a stream of its own. */
export class Watch {
  readonly #engine: Engine;
  readonly #client: MetricsClient;
  readonly #watched = new Map<string, Watched>();
  /** Messages of what could not be watched. */
  readonly errors: unknown[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#client = new MetricsClient(engine.transport);
  }

  rows(): Pick<Watched, "container" | "stats">[] {
    return [...this.#watched.values()];
  }

  /** Resolves with the first report. */
  add(container: string): Promise<void> {
    if (this.#watched.has(container)) return Promise.resolve();
    const gone = new AbortController();
    const watched: Watched = { container, stats: undefined, stop: () => gone.abort() };
    this.#watched.set(container, watched);
    const first = Promise.withResolvers<void>();
    const follow = async (): Promise<void> => {
      try {
        for await (const stats of this.#client.stats(container, true, gone.signal)) {
          watched.stats = stats;
          first.resolve();
        }
      } catch (error) {
        if (!gone.signal.aborted) this.errors.push(error);
      }
      this.remove(container);
      first.resolve();
    };
    void follow();
    return first.promise;
  }

  remove(container: string): void {
    this.#watched.get(container)?.stop();
    this.#watched.delete(container);
  }

  /** Takes up containers that start, and lets go those that end, or with `all` those that are removed. */
  async followAll(all: boolean): Promise<void> {
    const [come, go] = all ? ["create", "destroy"] : ["start", "die"];
    const filters = { type: ["container"], event: [come, go].filter((name) => name !== undefined) };
    for await (const { Action, Actor } of this.#engine.events({ filters })) {
      const id = Actor?.ID ?? "";
      if (Action === come) void this.add(id);
      else this.remove(id);
    }
  }
}
