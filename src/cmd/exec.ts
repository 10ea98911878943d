import { type CommandContext, defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { type ExecRequest, Execs } from "../client/execs.ts";
import { openEngine } from "../client/open.ts";
import { withTerminal } from "./request/attached.ts";
import { readEnvironment } from "./request/environment.ts";
import { copyOutput } from "./request/streams.ts";

const execFlags = {
  detach: { kind: "bool", short: "d", summary: "Detached mode: run command in the background" },
  "detach-keys": {
    kind: "string",
    summary: "Override the key sequence for detaching a container",
  },
  env: { kind: "list", short: "e", summary: "Set environment variables" },
  "env-file": { kind: "list", summary: "Read in a file of environment variables" },
  interactive: { kind: "bool", short: "i", summary: "Keep STDIN open even if not attached" },
  privileged: { kind: "bool", summary: "Give extended privileges to the command" },
  tty: { kind: "bool", short: "t", summary: "Allocate a pseudo-TTY" },
  user: {
    kind: "string",
    short: "u",
    summary: "Username or UID (format: <name|uid>[:<group|gid>])",
  },
  workdir: { kind: "string", short: "w", summary: "Working directory inside the container" },
} as const;

type ExecContext = CommandContext<typeof execFlags>;

export const exec = defineCommand({
  name: "exec",
  summary: "Execute a command in a running container",
  usage: "CONTAINER COMMAND [ARG...]",
  arity: { min: 2 },
  flags: execFlags,
  stopAtPositional: true,
  completes: "containers",
  async run(context) {
    const { args, flags, target } = context;
    const [container = "", ...argv] = args;
    if (flags.interactive && flags.tty && !flags.detach) {
      const { isTerminal } = await import("../cli/terminal.ts");
      if (!isTerminal(0)) {
        context.stderr.line("the input device is not a TTY");
        return exitCodes.failure;
      }
    }
    const { transport } = openEngine(target);
    transport.expect(1);
    const execs = new Execs(transport);
    const request = await buildRequest(context, argv);
    if (!flags.detach) return await attached(execs, container, request, context);
    await execs.startDetached(await execs.create(container, request));
    return exitCodes.ok;
  },
});

async function buildRequest({ flags }: ExecContext, argv: string[]): Promise<ExecRequest> {
  const request: ExecRequest = {
    Cmd: argv,
    Env: await readEnvironment(flags["env-file"], flags.env),
    User: flags.user ?? "",
    WorkingDir: flags.workdir ?? "",
    Tty: flags.tty,
    Privileged: flags.privileged,
    AttachStdin: flags.interactive && !flags.detach,
    AttachStdout: !flags.detach,
    AttachStderr: !flags.detach,
  };
  if (flags["detach-keys"] !== undefined) request.DetachKeys = flags["detach-keys"];
  if (flags.tty) {
    const { terminalSize } = await import("../cli/terminal.ts");
    const size = terminalSize(1);
    if (size) request.ConsoleSize = [size.rows, size.columns];
  }
  return request;
}

/** Runs it to its end: its exit code, or 0 when the user detached. */
async function attached(
  execs: Execs,
  container: string,
  request: ExecRequest,
  context: ExecContext,
): Promise<number> {
  const { flags } = context;
  const options = {
    stdin: flags.interactive,
    stdout: true,
    stderr: true,
    tty: flags.tty,
    detachKeys: flags["detach-keys"],
    session: context,
  };
  return await withTerminal(options, async () => {
    const { id, stream, isFramed } = await execs.run(container, request);
    const output = copyOutput(stream, { tty: !isFramed, session: context });
    output.catch(() => {});
    if (options.stdin || options.tty) {
      const { followInteractive } = await import("./request/interactive.ts");
      const resize = (rows: number, columns: number) => execs.resize(id, rows, columns);
      const ends = { exit: output, output };
      if (await followInteractive(resize, stream, ends, options)) return exitCodes.ok;
    }
    // An engine that has ended meanwhile, or is not ours, has to be asked.
    return (await output) ?? (await execs.exitCode(id)) ?? exitCodes.ok;
  });
}
