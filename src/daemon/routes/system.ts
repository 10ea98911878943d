import type { AuthReply, SystemInfo, SystemVersion } from "../../api/types.ts";
import { compareVersions } from "../../api/version.ts";
import { EngineError } from "../../errors.ts";
import type { Credentials } from "../../oci/registry/types.ts";
import type { EventBus } from "../events/bus.ts";
import type { Handler } from "../http/context.ts";
import { toCredentials } from "./credentials.ts";
import { streamEvents } from "./events.ts";

export interface SystemRoutesParts {
  version(): SystemVersion;
  info(): Promise<SystemInfo>;
  login(server: string, credentials: Credentials, signal: AbortSignal): Promise<AuthReply>;
  events: EventBus;
}

/** What was well once is not well for ever. */
const uncached = { "Cache-Control": "no-cache, no-store, must-revalidate", Pragma: "no-cache" };

export function systemRoutes(parts: SystemRoutesParts) {
  return {
    ping: (context) => context.text(200, "OK", uncached),
    pingHead: (context) => context.text(200, "", uncached),
    version: (context) => context.json(200, parts.version()),
    /** There are none, which is no reason to refuse the question. */
    pluginList: (context) => context.json(200, []),
    async info(context) {
      const { FirewallBackend, ...info } = await parts.info();
      const isOlder = compareVersions(context.version, "1.49") < 0;
      context.json(
        200,
        isOlder || FirewallBackend === undefined ? info : { ...info, FirewallBackend },
      );
    },

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
