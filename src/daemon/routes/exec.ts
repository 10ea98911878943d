import type { Duplex } from "node:stream";
import { buildFrame, stream } from "../../api/frames.ts";
import { EngineError, messageOf } from "../../errors.ts";
import { printable } from "../../oci/printable.ts";
import type { ContainerTable, Entry } from "../containers/table.ts";
import type { ExecRecord, ExecSettings } from "../execs/exec.ts";
import type { Exec } from "../execs/service.ts";
import type { Handler, RequestContext } from "../http/context.ts";
import { outputType } from "./media-types.ts";
import { terminalSize } from "./terminal-size.ts";

/** What these routes need of the engine. */
export interface ExecRoutesParts {
  table: ContainerTable;
  create(entry: Entry, settings: ExecSettings): ExecRecord;
  get(id: string): Exec;
  check(exec: Exec): Entry;
  start(exec: Exec, client: Duplex | undefined): Promise<void>;
  resize(exec: Exec, rows: number, columns: number): Promise<void>;
}

export function execRoutes(parts: ExecRoutesParts) {
  const find = (context: RequestContext): Exec => parts.get(context.params.id ?? "");
  return {
    async execCreate(context) {
      const entry = parts.table.get(context.params.id ?? "");
      const record = parts.create(entry, parseSettings(await context.body()));
      context.json(201, { Id: record.id });
    },

    async execStart(context) {
      await start(context, find(context), parts);
    },

    async execResize(context) {
      const { rows, columns } = terminalSize(context.query);
      await parts.resize(find(context), rows, columns);
      context.empty(200);
    },

    execInspect(context) {
      context.json(200, toExecInspect(find(context).record));
    },
  } satisfies Record<string, Handler>;
}

async function start(context: RequestContext, exec: Exec, parts: ExecRoutesParts): Promise<void> {
  const body = await context.body();
  parts.check(exec);
  if (body.Detach === true) {
    await parts.start(exec, undefined).catch((cause: unknown) => {
      throw toExecFailure(cause);
    });
    context.empty(200);
    return;
  }
  const { settings } = exec.record;
  if (Array.isArray(body.ConsoleSize)) {
    const [rows = 0, columns = 0] = body.ConsoleSize.map(Number);
    await parts.resize(exec, rows, columns);
  }
  const client = context.hijack(outputType(settings.tty, context.version));
  try {
    await parts.start(exec, client);
  } catch (cause) {
    // The answer has begun: as Docker, the reason is the output, the exit code is for inspect.
    const reason = printable(toExecFailure(cause).message, 2048);
    const words = Buffer.from(`${reason}\r\n`);
    client.end(settings.tty ? words : buildFrame(stream.stdout, words));
  }
}

/** Docker's words, which scripts match on. */
function toExecFailure(cause: unknown): EngineError {
  const code = cause instanceof EngineError ? cause.code : "internal";
  if (code === "conflict" || code === "not_found") return cause as EngineError;
  const words = "OCI runtime exec failed: exec failed: unable to start container process:";
  return new EngineError(code, `${words} ${messageOf(cause)}`, { cause });
}

function parseSettings(body: Record<string, unknown>): ExecSettings {
  const argv = strings(body, "Cmd");
  if (argv.length === 0) throw new EngineError("invalid_argument", "no exec command specified");
  const [rows = 0, columns = 0] = Array.isArray(body.ConsoleSize) ? body.ConsoleSize : [];
  return {
    argv,
    env: strings(body, "Env"),
    user: string(body, "User"),
    cwd: string(body, "WorkingDir"),
    tty: body.Tty === true,
    privileged: body.Privileged === true,
    attach: {
      stdin: body.AttachStdin === true,
      stdout: body.AttachStdout === true,
      stderr: body.AttachStderr === true,
    },
    detachKeys: string(body, "DetachKeys"),
    console: { rows: Number(rows) || 0, columns: Number(columns) || 0 },
  };
}

function string(body: Record<string, unknown>, name: string): string {
  const value = body[name] ?? "";
  if (typeof value === "string" && !value.includes("\0")) return value;
  throw new EngineError(
    "invalid_argument",
    `invalid request body: field "${name}" is not a string`,
  );
}

function strings(body: Record<string, unknown>, name: string): string[] {
  const value = body[name] ?? [];
  if (
    Array.isArray(value) &&
    value.every((item) => typeof item === "string" && !item.includes("\0"))
  )
    return value;
  throw new EngineError(
    "invalid_argument",
    `invalid request body: field "${name}" is not a list of strings`,
  );
}

function toExecInspect({ id, containerId, settings, status, pid, exitCode }: ExecRecord) {
  const [entrypoint = "", ...rest] = settings.argv;
  return {
    ID: id,
    Running: status === "running",
    ExitCode: exitCode,
    ProcessConfig: {
      tty: settings.tty,
      entrypoint,
      arguments: rest,
      privileged: settings.privileged,
      ...(settings.user === "" ? {} : { user: settings.user }),
    },
    OpenStdin: settings.attach.stdin,
    OpenStdout: settings.attach.stdout,
    OpenStderr: settings.attach.stderr,
    CanRemove: status === "exited",
    ContainerID: containerId,
    DetachKeys: settings.detachKeys,
    Pid: pid,
  };
}
