import { EngineError } from "../../errors.ts";
import type { LogRequest, Native } from "../../native-types/native.ts";
import { isRunning } from "../containers/container.ts";
import { type LogSelection, readLog } from "../containers/logs.ts";
import { type ContainerPaths, logPath } from "../containers/paths.ts";
import type { ContainerTable, Entry } from "../containers/table.ts";
import type { Handler, RequestContext } from "../http/context.ts";
import { parseTimestamp } from "../http/timestamp.ts";
import { outputType } from "./media-types.ts";

/** What this route needs of the engine. */
export interface LogRoutesParts {
  table: ContainerTable;
  native: Pick<Native, "openLog">;
  paths(entry: Entry): ContainerPaths;
}

export function logRoutes(parts: LogRoutesParts) {
  return {
    async containerLogs(context) {
      const entry = parts.table.get(context.params.id ?? "");
      const tty = entry.container.config.Tty ?? false;
      const request = buildLogRequest(entry, parts.paths(entry), parseSelection(context));
      // Not the promise of the exit: that would keep a trace of each reader for as long as the container runs.
      const { nextExit, state } = entry;
      const ended = isRunning(state) ? nextExit.next(context.signal) : Promise.resolve();
      // Who has the head may remove the container at once.
      const log = await readLog(parts.native, request, ended, context.signal);
      const reply = context.stream(200, outputType(tty, context.version));
      for await (const chunk of log) await reply.write(chunk);
      reply.end();
    },
  } satisfies Record<string, Handler>;
}

/** Throws `not_implemented` for a container that keeps no log. */
export function buildLogRequest(
  { container }: Entry,
  paths: ContainerPaths,
  selection: LogSelection,
): LogRequest {
  const driver = container.hostConfig.LogConfig?.Type;
  if (driver === "none") {
    throw new EngineError("not_implemented", "configured logging driver does not support reading");
  }
  return {
    ...selection,
    driver: driver === "local" ? "local" : "json-file",
    path: logPath(paths, driver),
    raw: container.config.Tty ?? false,
  };
}

function parseSelection({ query }: RequestContext): LogSelection {
  const stdout = query.flag("stdout");
  const stderr = query.flag("stderr");
  if (!stdout && !stderr) {
    throw new EngineError(
      "invalid_argument",
      "Bad parameters: you must choose at least one stream",
    );
  }
  const tail = query.text("tail");
  if (!/^(|all|-?\d{1,15})$/.test(tail))
    throw new EngineError("invalid_argument", `invalid value for "tail": "${tail}"`);
  return {
    stdout,
    stderr,
    follow: query.flag("follow"),
    timestamps: query.flag("timestamps"),
    details: query.flag("details"),
    // Only our own client asks for it; Docker's have a frame for each record.
    joined: query.flag("joined"),
    tail: /^\d+$/.test(tail) ? Number(tail) : null,
    since: parseTimestamp(query.text("since")) ?? null,
    until: parseTimestamp(query.text("until")) ?? null,
  };
}
