import type { ContainerCreateRequest } from "../api/types.ts";
import { type CommandContext, defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import type { Engine } from "../client/engine.ts";
import { openEngine } from "../client/open.ts";
import { type AttachedOptions, attachAndStart } from "./request/attached.ts";
import { createContainer } from "./request/create-container.ts";
import { containerFlags, creationFlags } from "./request/flags.ts";
import { refuse } from "./request/parts.ts";
import { buildAttach, buildCreateRequest } from "./request/request.ts";

const runFlags = {
  ...containerFlags,
  ...creationFlags,
  detach: { kind: "bool", short: "d", summary: "Run in background and print container ID" },
  "detach-keys": {
    kind: "string",
    summary: "Override the key sequence for detaching a container",
  },
  "sig-proxy": {
    kind: "bool",
    default: "true",
    summary: "Proxy received signals to the process",
  },
  "wait-healthy": {
    kind: "bool",
    summary: "Run in background and wait until the container is healthy",
  },
} as const;

export const run = defineCommand({
  name: "run",
  summary: "Create and run a new container from an image",
  usage: "IMAGE [COMMAND] [ARG...]",
  arity: { min: 1 },
  flags: runFlags,
  stopAtPositional: true,
  completes: "images",
  failureExit: exitCodes.usage,
  async run(context) {
    const engine = openEngine(context.target);
    if (context.flags.tty && !(await hasTerminal(context))) {
      context.stderr.line("the input device is not a TTY");
      return exitCodes.failure;
    }
    // Attach, wait and start each need a connection.
    const { flags } = context;
    engine.transport.expect(isDetached(context) || isPlain(flags) ? 1 : 3);
    const request = await buildRequest(context);
    const creation = { request, flags, cidfile: flags.cidfile };
    if (isAttached(request) && isPlain(flags)) {
      const { runPlain } = await import("./request/run-plain.ts");
      return await runPlain(engine, creation, followOptions(context, request));
    }
    const id = await createContainer(engine, creation, context);
    return isAttached(request)
      ? await attachAndStart(engine, id, followOptions(context, request))
      : await startDetached(engine, id, context);
  },
});

type RunContext = CommandContext<typeof runFlags>;

function followOptions(context: RunContext, request: ContainerCreateRequest): AttachedOptions {
  const { flags } = context;
  return {
    stdin: request.AttachStdin ?? false,
    stdout: request.AttachStdout ?? false,
    stderr: request.AttachStderr ?? false,
    tty: request.Tty ?? false,
    detachKeys: flags["detach-keys"],
    signals: flags["sig-proxy"],
    waitFor: flags.rm ? "removed" : "next-exit",
    session: context,
  };
}

/** Nothing is typed into it, and nobody is to know its ID before it starts. */
function isPlain({ interactive, tty, attach, cidfile }: RunContext["flags"]): boolean {
  return !interactive && !tty && attach.length === 0 && cidfile === undefined;
}

/** Who waits for a healthy container does not follow its output. */
function isDetached({ flags }: RunContext): boolean {
  return flags.detach || flags["wait-healthy"];
}

async function buildRequest(context: RunContext): Promise<ContainerCreateRequest> {
  const { flags, given, args } = context;
  const [image = "", ...command] = args;
  if (isDetached(context) && flags.attach.length > 0) {
    const flag = flags.detach ? "detach" : "wait-healthy";
    throw refuse(`conflicting options: cannot specify both --attach and --${flag}`);
  }
  const request = await buildCreateRequest(flags, given, { image, command });
  if (isDetached(context)) {
    delete request.AttachStdin;
    delete request.AttachStdout;
    delete request.AttachStderr;
    delete request.StdinOnce;
  }
  if (!flags.tty) return request;
  const { terminalSize } = await import("../cli/terminal.ts");
  const size = terminalSize(1);
  if (size) request.HostConfig = { ...request.HostConfig, ConsoleSize: [size.rows, size.columns] };
  return request;
}

/** A terminal in the container that is typed into needs one here. */
async function hasTerminal(context: RunContext): Promise<boolean> {
  const { flags } = context;
  if (isDetached(context) || !buildAttach(flags).AttachStdin) return true;
  const { isTerminal } = await import("../cli/terminal.ts");
  return isTerminal(0);
}

function isAttached(request: ContainerCreateRequest): boolean {
  return Boolean(request.AttachStdin || request.AttachStdout || request.AttachStderr);
}

async function startDetached(engine: Engine, id: string, context: RunContext): Promise<number> {
  if (context.flags["wait-healthy"]) {
    const { runHealthy } = await import("./request/wait-healthy.ts");
    return await runHealthy(engine, id, context);
  }
  await engine.startContainer(id);
  context.stdout.line(id);
  return exitCodes.ok;
}
