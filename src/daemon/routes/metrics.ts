import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../../errors.ts";
import type { StatsCollector } from "../containers/stats/collector.ts";
import { type Reading, toStats } from "../containers/stats/view.ts";
import type { ContainerTable, Entry } from "../containers/table.ts";
import { listTop, type TopParts } from "../containers/top/top.ts";
import type { Handler, RequestContext } from "../http/context.ts";

/** What these routes need of the engine. */
export interface MetricsRoutesParts extends TopParts {
  table: Pick<ContainerTable, "get">;
  stats: StatsCollector;
}

/** Between the two samples of a request for one report. */
const apart = 1000;

export function metricsRoutes(parts: MetricsRoutesParts) {
  const find = (context: RequestContext): Entry => parts.table.get(context.params.id ?? "");
  const show = (entry: Entry, now?: Reading, before?: Reading) =>
    toStats(entry.container, now, before, parts.memTotal);

  async function once(context: RequestContext, entry: Entry, isOneShot: boolean): Promise<void> {
    const { stats } = parts;
    const first = await stats.read(entry);
    if (first === undefined || isOneShot) return context.json(200, show(entry, first));
    await sleep(apart, undefined, { signal: context.signal }).catch(() => {});
    if (context.signal.aborted) return;
    const second = await stats.read(entry);
    context.json(200, second ? show(entry, second, first) : show(entry));
  }

  return {
    async containerTop(context) {
      const entry = find(context);
      context.json(200, await listTop(parts, entry, context.query.text("ps_args")));
    },

    async containerStats(context) {
      const entry = find(context);
      const isStream = context.query.flag("stream", true);
      const isOneShot = context.query.flag("one-shot");
      if (isStream && isOneShot) {
        throw new EngineError("invalid_argument", "cannot have stream=true and one-shot=true");
      }
      if (!isStream) return await once(context, entry, isOneShot);
      const reply = context.stream(200, "application/json");
      for await (const { now, before } of parts.stats.follow(entry, context.signal)) {
        await reply.write(`${JSON.stringify(show(entry, now, before))}\n`);
      }
      reply.end();
    },
  } satisfies Record<string, Handler>;
}
