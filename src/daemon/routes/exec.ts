import type { Duplex } from "node:stream";
import { parseDetachKeys } from "../../api/detach-keys.ts";
import { buildFrame, execIdHeader, execProtocol, stream } from "../../api/frames.ts";
import { EngineError, messageOf } from "../../errors.ts";
import { printable } from "../../oci/printable.ts";
import { execShape, execStartShape } from "../containers/request-shapes.ts";
import { checkEnvironment, checkUser, checkWorkingDirectory } from "../containers/settings.ts";
import type { ContainerTable, Entry } from "../containers/table.ts";
import type { ExecRecord, ExecSettings } from "../execs/exec.ts";
import { buildExit, type Exec, type ExecOutput } from "../execs/service.ts";
import type { Handler, RequestContext } from "../http/context.ts";
import { checkShape } from "../http/shape.ts";
import { multiplexedStream, outputType } from "./media-types.ts";
import { parseConsoleSize, terminalSize } from "./terminal-size.ts";

/** What these routes need of the engine. */
export interface ExecRoutesParts {
  table: ContainerTable;
  create(entry: Entry, settings: ExecSettings): ExecRecord;
  get(id: string): Exec;
  check(exec: Exec): Entry;
  start(exec: Exec, client: Duplex | undefined, form?: ExecOutput): Promise<void>;
  resize(exec: Exec, rows: number, columns: number): Promise<void>;
}

export function execRoutes(parts: ExecRoutesParts) {
  const find = (context: RequestContext): Exec => parts.get(context.params.id ?? "");
  return {
    async execCreate(context) {
      const entry = parts.table.get(context.params.id ?? "");
      const record = parts.create(entry, parseSettings(await context.body()));
      if (context.headers.upgrade === execProtocol) await run(context, parts.get(record.id), parts);
      else context.json(201, { Id: record.id });
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

/**
 * What a start says. As with Docker its own `Tty` decides how the output is framed, whether or not the exec has
 * a terminal: some clients say it of the exec alone, and read frames.
 */
interface ExecStartRequest {
  Detach?: boolean;
  Tty?: boolean;
  ConsoleSize?: number[];
}

async function start(context: RequestContext, exec: Exec, parts: ExecRoutesParts): Promise<void> {
  const body = await context.body();
  checkShape(body, execStartShape);
  const { Detach, Tty: isRaw = false, ConsoleSize } = body as ExecStartRequest;
  parts.check(exec);
  if (Detach) {
    await parts.start(exec, undefined).catch((cause: unknown) => {
      throw toExecFailure(cause);
    });
    context.empty(200);
    return;
  }
  if (ConsoleSize !== undefined && isRaw) {
    const { rows, columns } = parseConsoleSize(ConsoleSize);
    await parts.resize(exec, rows, columns);
  }
  const client = context.hijack(outputType(isRaw, context.version));
  try {
    await parts.start(exec, client, { isRaw });
  } catch (cause) {
    const words = toLastWords(cause);
    client.end(isRaw ? words : buildFrame(stream.stdout, words));
  }
}

/** The whole of an exec on one connection, see {@link execProtocol}. */
async function run(context: RequestContext, exec: Exec, parts: ExecRoutesParts): Promise<void> {
  const headers = { Upgrade: execProtocol, [execIdHeader]: exec.record.id };
  const client = context.hijack(multiplexedStream, headers);
  try {
    await parts.start(exec, client, { isRaw: false, withExit: true });
  } catch (cause) {
    client.write(buildFrame(stream.stdout, toLastWords(cause)));
    client.end(buildExit(exec.record));
  }
}

/** The answer has begun: as Docker, the reason is the output, the exit code is for inspect. */
function toLastWords(cause: unknown): Uint8Array {
  return Buffer.from(`${printable(toExecFailure(cause).message, 2048)}\r\n`);
}

/** Docker's words, which scripts match on. */
function toExecFailure(cause: unknown): EngineError {
  const code = cause instanceof EngineError ? cause.code : "internal";
  if (code === "conflict" || code === "not_found") return cause as EngineError;
  const words = "OCI runtime exec failed: exec failed: unable to start container process:";
  return new EngineError(code, `${words} ${messageOf(cause)}`, { cause });
}

/** What Docker's clients send, once its types are known to be right. */
interface ExecRequest {
  Cmd?: string[];
  Env?: string[];
  User?: string;
  WorkingDir?: string;
  DetachKeys?: string;
  Tty?: boolean;
  Privileged?: boolean;
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  ConsoleSize?: number[];
}

function parseSettings(body: Record<string, unknown>): ExecSettings {
  checkShape(body, execShape);
  const asked = body as ExecRequest;
  const { Cmd: argv = [], DetachKeys: detachKeys = "" } = asked;
  if (argv.length === 0) throw new EngineError("invalid_argument", "no exec command specified");
  parseDetachKeys(detachKeys || undefined);
  const env = asked.Env ?? [];
  checkEnvironment(env);
  checkUser(asked.User ?? "");
  checkWorkingDirectory(asked.WorkingDir ?? "");
  return {
    ...{ argv, env, user: asked.User ?? "", cwd: asked.WorkingDir ?? "", detachKeys },
    tty: asked.Tty ?? false,
    privileged: asked.Privileged ?? false,
    attach: {
      stdin: asked.AttachStdin ?? false,
      stdout: asked.AttachStdout ?? false,
      stderr: asked.AttachStderr ?? false,
    },
    console: parseConsoleSize(asked.ConsoleSize),
  };
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
