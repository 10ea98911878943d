import type { AuthReply, EventMessage, SystemInfo, SystemVersion } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import type { Credentials } from "../../oci/registry/types.ts";
import type { EventBus } from "../events/bus.ts";
import { eventFilters, matchesEvent } from "../events/filter.ts";
import type { Handler, RequestContext } from "../http/context.ts";
import { parseTimestamp } from "../http/timestamp.ts";
import { toCredentials } from "./credentials.ts";

export interface SystemRoutesParts {
  version(): SystemVersion;
  info(): Promise<SystemInfo>;
  login(server: string, credentials: Credentials, signal: AbortSignal): Promise<AuthReply>;
  events: EventBus;
}

export function systemRoutes(parts: SystemRoutesParts) {
  const ping: Handler = (context) => context.text(200, "OK");
  return {
    ping,
    pingHead: (context) => context.text(200, ""),
    version: (context) => context.json(200, parts.version()),
    info: async (context) => context.json(200, await parts.info()),

    async auth(context) {
      const body = await context.body();
      const credentials = toCredentials(body);
      if (credentials === undefined)
        throw new EngineError(
          "invalid_argument",
          "no credentials given: a username or a token is needed",
        );
      const server = typeof body.serveraddress === "string" ? body.serveraddress : "";
      context.json(200, await parts.login(server, credentials, context.signal));
    },

    events: (context) => streamEvents(context, parts.events),
  } satisfies Record<string, Handler>;
}

/** Events that a client may leave unread before its stream is ended. */
const maxQueued = 10_000;

/** Past events since `since`, then, unless `until` has passed, what happens until then. */
async function streamEvents(context: RequestContext, bus: EventBus): Promise<void> {
  const { query, signal } = context;
  const filters = query.filters(eventFilters);
  const since = parseTimestamp(query.text("since"));
  const until = parseTimestamp(query.text("until"));
  const reply = context.stream(200, "application/json");
  const queue: EventMessage[] =
    since === undefined ? [] : bus.past().filter((event) => timeOf(event) >= since);
  let wake = Promise.withResolvers<void>();
  let isOver = false;
  const finish = (): void => {
    isOver = true;
    wake.resolve();
  };
  const leave = bus.subscribe((event) => {
    // Who reads nothing is let go, rather than remembered for.
    if (queue.length >= maxQueued) finish();
    else queue.push(event);
    wake.resolve();
  });
  signal.addEventListener("abort", finish, { once: true });
  const remaining = until === undefined ? undefined : Date.parse(until) - Date.now();
  const timer =
    remaining === undefined
      ? undefined
      : setTimeout(finish, Math.min(Math.max(remaining, 0), 2 ** 31 - 1));
  try {
    for (;;) {
      for (const event of queue.splice(0)) {
        if (until !== undefined && timeOf(event) > until) continue;
        if (matchesEvent(event, filters)) await reply.write(`${JSON.stringify(event)}\n`);
      }
      if (isOver) break;
      await wake.promise;
      wake = Promise.withResolvers();
    }
  } finally {
    leave();
    clearTimeout(timer);
    reply.end();
  }
}

function timeOf(event: EventMessage): string {
  const nano = event.timeNano ?? 0;
  const seconds = new Date(Math.floor(nano / 1e9) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(nano % 1e9).padStart(9, "0")}Z`;
}
