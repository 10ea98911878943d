import type { HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { defaultStopSignal, defaultStopTimeout } from "../containers/defaults.ts";
import { type PruneReport, pruneFilters } from "../containers/prune.ts";
import { parseUpdateRequest } from "../containers/request.ts";
import { parseSignal } from "../containers/signals.ts";
import type { ContainerTable, Entry } from "../containers/table.ts";
import type { Handler, RequestContext } from "../http/context.ts";

/** What these routes need of the engine. */
export interface LifecycleRoutesParts {
  table: Pick<ContainerTable, "get">;
  stop(entry: Entry, signal: number, seconds: number): Promise<boolean>;
  restart(entry: Entry, signal: number, seconds: number): Promise<void>;
  pause(entry: Entry): Promise<void>;
  unpause(entry: Entry): Promise<void>;
  rename(entry: Entry, name: string): void;
  update(entry: Entry, changes: HostConfig): Promise<string[]>;
  prune(filters: Map<string, string[]>): Promise<PruneReport>;
}

export function lifecycleRoutes(parts: LifecycleRoutesParts) {
  const find = (context: RequestContext): Entry => parts.table.get(context.params.id ?? "");
  return {
    async containerStop(context) {
      const entry = find(context);
      const { signal, seconds } = readStop(context, entry);
      context.empty((await parts.stop(entry, signal, seconds)) ? 204 : 304);
    },

    async containerRestart(context) {
      const entry = find(context);
      const { signal, seconds } = readStop(context, entry);
      await parts.restart(entry, signal, seconds);
      context.empty(204);
    },

    async containerPause(context) {
      await parts.pause(find(context));
      context.empty(204);
    },

    async containerUnpause(context) {
      await parts.unpause(find(context));
      context.empty(204);
    },

    containerRename(context) {
      parts.rename(find(context), context.query.text("name"));
      context.empty(204);
    },

    async containerUpdate(context) {
      const entry = find(context);
      const changes = parseUpdateRequest(await context.body());
      context.json(200, { Warnings: await parts.update(entry, changes) });
    },

    async containerPrune(context) {
      context.json(200, await parts.prune(context.query.filters(pruneFilters)));
    },

    async containerWait(context) {
      await wait(context, find(context));
    },
  } satisfies Record<string, Handler>;
}

/** The signal and the grace period of a stop: the request's, the container's, Docker's. */
function readStop({ query }: RequestContext, { container: { config } }: Entry) {
  const signal = parseSignal(query.text("signal") || config.StopSignal || defaultStopSignal);
  return { signal, seconds: query.integer("t") ?? config.StopTimeout ?? defaultStopTimeout };
}

type Ending = Promise<{ exitCode: number; error: string }>;

/** A container between two runs counts as running: its end is the next one. */
const conditions: Record<string, (entry: Entry) => Ending> = {
  "not-running": (entry) => {
    const { status } = entry.state;
    if (status === "running" || status === "paused") return entry.exited.promise;
    return status === "restarting" ? entry.nextExit.promise : Promise.resolve(entry.state);
  },
  "next-exit": (entry) => entry.nextExit.promise,
  removed: (entry) => entry.removed.promise,
};

/** The headers go out at once: they tell the client that its wait is registered. */
async function wait(context: RequestContext, entry: Entry): Promise<void> {
  const condition = context.query.text("condition") || "not-running";
  const ended = Object.hasOwn(conditions, condition) ? conditions[condition]?.(entry) : undefined;
  if (ended === undefined)
    throw new EngineError("invalid_argument", `invalid condition: "${condition}"`);
  const reply = context.stream(200, "application/json");
  const gone = Promise.withResolvers<undefined>();
  context.signal.addEventListener("abort", () => gone.resolve(undefined), { once: true });
  const state = await Promise.race([ended, gone.promise]);
  if (state === undefined) return;
  const error = state.error === "" ? {} : { Error: { Message: state.error } };
  await reply.write(`${JSON.stringify({ StatusCode: state.exitCode, ...error })}\n`);
  reply.end();
}
