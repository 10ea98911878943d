import type { CheckMessage } from "../../api/check.ts";
import { compareVersions } from "../../api/version.ts";
import type { Handler } from "../http/context.ts";
import type { CheckOptions } from "../images/check.ts";
import {
  type Measured,
  parseKinds,
  toLegacyUsage,
  toSystemUsage,
  type UsageKind,
} from "../system/usage.ts";
import { withProgress } from "./progress.ts";

export interface UsageRoutesParts {
  measure(kinds: ReadonlySet<UsageKind>): Promise<Measured>;
  check(
    options: CheckOptions,
    report: (message: CheckMessage) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

export function usageRoutes(parts: UsageRoutesParts) {
  return {
    // Clients prune everything in turn: of this there is nothing to remove.
    buildPrune: ({ json }) => json(200, { CachesDeleted: null, SpaceReclaimed: 0 }),

    async systemCheck(context) {
      const { query, signal } = context;
      const options = { quick: query.flag("quick"), repair: query.flag("repair") };
      await withProgress(context, (report) => parts.check(options, report, signal));
    },

    async systemUsage({ query, version, json }) {
      const measured = await parts.measure(parseKinds(query.list("type")));
      // 1.52 knows both forms.
      const legacy = compareVersions(version, "1.53") < 0 ? toLegacyUsage(measured, version) : {};
      const usage =
        compareVersions(version, "1.52") < 0 ? {} : toSystemUsage(measured, query.flag("verbose"));
      json(200, { ...legacy, ...usage });
    },
  } satisfies Record<string, Handler>;
}
