import { once } from "node:events";
import { parseDetachKeys } from "../../api/detach-keys.ts";
import { runProtocol } from "../../api/frames.ts";
import type {
  ContainerCreateRequest,
  ContainerInspectResponse,
  ContainerSummary,
} from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";
import { type Platform, parsePlatform } from "../../oci/platform.ts";
import { type AttachRequest, join, joinAtStart } from "../containers/attach.ts";
import {
  modernize,
  withFormerAliases,
  withoutLaterHealth,
} from "../containers/attachments/versions.ts";
import { isRunning } from "../containers/container.ts";
import {
  buildContainerFilter,
  containerFilters,
  type FilterSources,
} from "../containers/filter.ts";
import { readLog } from "../containers/logs.ts";
import type { AttachFlags } from "../containers/monitor.ts";
import type { ContainerPaths } from "../containers/paths.ts";
import { parseCreateRequest } from "../containers/request.ts";
import { parseSignal } from "../containers/signals.ts";
import type { ContainerTable, Entry } from "../containers/table.ts";
import type { Handler, RequestContext } from "../http/context.ts";
import { buildLogRequest } from "./container-logs.ts";
import { outputType } from "./media-types.ts";
import { run } from "./run.ts";
import { terminalSize } from "./terminal-size.ts";

/** What these routes need of the engine. */
export interface ContainerRoutesParts {
  table: ContainerTable;
  native: Pick<Native, "openLog" | "adopt">;
  create(
    request: ContainerCreateRequest,
    options: { name: string; platform: Platform | undefined },
  ): Promise<{ entry: Entry; warnings: string[] }>;
  start(entry: Entry): Promise<boolean>;
  kill(entry: Entry, signal: number): Promise<void>;
  remove(entry: Entry, options: { force: boolean; volumes: boolean }): Promise<void>;
  unlink(name: string): void;
  paths(entry: Entry): ContainerPaths;
  /** An attached client has typed its detach keys. */
  detached(entry: Entry): void;
  inspect(entry: Entry, sized: boolean): Promise<ContainerInspectResponse>;
  summarize(entries: Entry[], sized: boolean): Promise<ContainerSummary[]>;
  sources: FilterSources;
}

/** All of a log, as `attach` wants it. */
const everything = {
  follow: false,
  timestamps: false,
  details: false,
  joined: false,
  tail: null,
  since: null,
  until: null,
} as const;

export function containerRoutes(parts: ContainerRoutesParts) {
  const find = (context: RequestContext): Entry => parts.table.get(context.params.id ?? "");
  return {
    async containerList({ query, version, json }) {
      const filters = query.filters(containerFilters);
      const matches = buildContainerFilter(filters, parts.sources);
      const limit = query.integer("limit") ?? 0;
      const all = query.flag("all") || limit > 0 || filters.has("status") || filters.has("exited");
      const entries = parts.table
        .all()
        .filter((entry) => all || isRunning(entry.state) || entry.state.status === "restarting")
        .filter(matches)
        .sort((a, b) => (a.container.createdAt < b.container.createdAt ? 1 : -1));
      const listed = limit > 0 ? entries.slice(0, limit) : entries;
      const summaries = await parts.summarize(listed, query.flag("size"));
      json(
        200,
        summaries.map((summary) => withoutLaterHealth(summary, version)),
      );
    },

    async containerCreate(context) {
      const asked = parseCreateRequest(await context.body());
      const { request, warnings: moved } = modernize(asked, context.version);
      const platform = context.query.text("platform");
      const { entry, warnings: found } = await parts.create(request, {
        name: context.query.text("name"),
        platform: platform === "" ? undefined : parsePlatform(platform),
      });
      const warnings = [...found, ...moved];
      if (context.headers.upgrade === runProtocol) await run(context, entry, warnings, parts);
      else context.json(201, { Id: entry.container.id, Warnings: warnings });
    },

    async containerInspect(context) {
      const shown = await parts.inspect(find(context), context.query.flag("size"));
      context.json(200, withFormerAliases(shown, context.version));
    },

    async containerStart(context) {
      refuseSettings(context.headers);
      const started = await parts.start(find(context));
      context.empty(started ? 204 : 304);
    },

    async containerKill(context) {
      const entry = find(context);
      const signal = parseSignal(context.query.text("signal") || "KILL");
      if (!isRunning(entry.state) && entry.state.status !== "restarting") {
        const { id } = entry.container;
        throw new EngineError(
          "conflict",
          `cannot kill container: ${context.params.id}: container ${id} is not running`,
        );
      }
      await parts.kill(entry, signal);
      context.empty(204);
    },

    async containerResize(context) {
      const entry = find(context);
      const { rows, columns } = terminalSize(context.query);
      if (entry.monitor) await entry.monitor.resize(rows, columns);
      else entry.console = { rows, columns };
      context.empty(200);
    },

    async containerAttach(context) {
      await attach(context, find(context), parts);
    },

    async containerRemove(context) {
      if (context.query.flag("link")) {
        parts.unlink(context.params.id ?? "");
        return context.empty(204);
      }
      const entry = find(context);
      await parts.remove(entry, {
        force: context.query.flag("force"),
        volumes: context.query.flag("v"),
      });
      context.empty(204);
    },
  } satisfies Record<string, Handler>;
}

/** Long ago a start could say how the container is to run. Docker lets "{}" and "null" pass. */
function refuseSettings(headers: RequestContext["headers"]): void {
  const isLong = Number(headers["content-length"] ?? 0) > 7;
  if (!isLong && headers["transfer-encoding"] === undefined) return;
  throw new EngineError(
    "invalid_argument",
    "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
  );
}

async function attach(
  context: RequestContext,
  entry: Entry,
  parts: ContainerRoutesParts,
): Promise<void> {
  const { query } = context;
  const isLive = query.flag("stream");
  refuseUnsteady(entry);
  const { config } = entry.container;
  const tty = config.Tty ?? false;
  const flags: AttachFlags = {
    stdin: isLive && query.flag("stdin") && (config.OpenStdin ?? false),
    stdout: query.flag("stdout"),
    stderr: query.flag("stderr"),
  };
  const request = query.flag("logs")
    ? buildLogRequest(entry, parts.paths(entry), { ...flags, ...everything })
    : undefined;
  const detach = {
    keys: parseDetachKeys(query.text("detachKeys") || undefined),
    told: () => parts.detached(entry),
  };
  // Some clients repeat the parameters as a body; it is no input.
  await context.skipBody();
  // Who has the head may remove the container at once. Nothing comes between the open log and the head.
  const written =
    request && (await readLog(parts.native, request, Promise.resolve(), context.signal));
  const client = context.hijack(outputType(tty, context.version));
  const settled = Promise.resolve();
  const joined: AttachRequest = {
    ...{ client, flags, tty, isRaw: tty, detach, execId: "", settled },
  };
  if (written !== undefined) {
    for await (const chunk of written) {
      if (!client.write(chunk))
        await once(client, "drain", { signal: context.signal }).catch(() => {});
    }
  }
  if (!isLive) {
    client.end();
  } else if (entry.monitor !== undefined) {
    const { socket } = parts.paths(entry);
    await join(parts.native, { control: entry.monitor, socket }, joined);
  } else {
    joinAtStart(parts.native, entry, joined, () => client.end());
  }
}

/** As Docker: whose output would not come, or come only after the next start, is not attached to. */
function refuseUnsteady({ container: { id }, state: { status } }: Entry): void {
  const remedies: Record<string, string> = {
    paused: "is paused. Unpause the container before attach",
    restarting: "is restarting, wait until the container is running",
  };
  const remedy = remedies[status];
  if (remedy !== undefined) throw new EngineError("conflict", `Container ${id} ${remedy}`);
}
