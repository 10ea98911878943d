import { compareVersions } from "../../api/version.ts";
import { EngineError } from "../../errors.ts";
import { type ContainerState, isRunning } from "../containers/container.ts";
import { type PruneReport, pruneFilters } from "../containers/prune.ts";
import { type ContainerUpdate, parseUpdateRequest } from "../containers/request.ts";
import { parseSignal } from "../containers/signals.ts";
import { stopSettings } from "../containers/stopper.ts";
import type { ContainerTable, Entry } from "../containers/table.ts";
import type { Waiters } from "../containers/waiters.ts";
import type { Handler, RequestContext } from "../http/context.ts";

/** What these routes need of the engine. */
export interface LifecycleRoutesParts {
  table: Pick<ContainerTable, "get">;
  stop(entry: Entry, signal: number, seconds: number): Promise<boolean>;
  restart(entry: Entry, signal: number, seconds: number): Promise<void>;
  pause(entry: Entry): Promise<void>;
  unpause(entry: Entry): Promise<void>;
  rename(entry: Entry, name: string): Promise<void>;
  update(entry: Entry, changes: ContainerUpdate): Promise<string[]>;
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

    async containerRename(context) {
      await parts.rename(find(context), context.query.text("name"));
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
function readStop({ query }: RequestContext, entry: Entry) {
  const own = stopSettings(entry);
  const signal = query.text("signal");
  return {
    signal: signal === "" ? own.signal : parseSignal(signal),
    seconds: query.integer("t") ?? own.seconds,
  };
}

/** Whom a wait joins; undefined if its condition is met. A container between two runs counts as running. */
function findWaiters(condition: string, entry: Entry): Waiters<ContainerState> | undefined {
  if (condition === "removed") return entry.removed;
  if (condition === "next-exit") return entry.nextExit;
  if (condition !== "not-running")
    throw new EngineError("invalid_argument", `invalid condition: "${condition}"`);
  const runs = isRunning(entry.state) || entry.state.status === "restarting";
  return runs ? entry.nextExit : undefined;
}

/** The headers go out at once: they tell the client that its wait is registered. Until 1.30 they came last. */
async function wait(context: RequestContext, entry: Entry): Promise<void> {
  const isFormer = compareVersions(context.version, "1.30") < 0;
  const condition = isFormer ? "" : context.query.text("condition");
  const waiters = findWaiters(condition || "not-running", entry);
  // Joined before the answer begins.
  const ended = waiters === undefined ? entry.state : waiters.next(context.signal);
  const reply = isFormer ? undefined : context.stream(200, "application/json");
  const state = await ended;
  if (state === undefined) return;
  const error = state.error === "" ? {} : { Error: { Message: state.error } };
  const answer = { StatusCode: state.exitCode, ...error };
  if (reply === undefined) return context.json(200, answer);
  await reply.write(`${JSON.stringify(answer)}\n`);
  reply.end();
}
