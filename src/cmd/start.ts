import { type CommandContext, defineCommand } from "../cli/command.ts";
import { exitCodeOf, exitCodes, formatError } from "../cli/report.ts";
import type { Engine } from "../client/engine.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";
import { attachAndStart } from "./request/attached.ts";

const startFlags = {
  attach: { kind: "bool", short: "a", summary: "Attach STDOUT/STDERR and forward signals" },
  "detach-keys": { kind: "string", summary: "Override the key sequence for detaching" },
  interactive: { kind: "bool", short: "i", summary: "Attach container's STDIN" },
  "wait-healthy": { kind: "bool", summary: "Wait until the containers are healthy" },
} as const;

export const start = defineCommand({
  name: "start",
  summary: "Start one or more stopped containers",
  usage: "CONTAINER [CONTAINER...]",
  arity: { min: 1 },
  completes: "containers",
  flags: startFlags,
  async run(context) {
    const engine = openEngine(context.target);
    const { attach, interactive } = context.flags;
    if (context.flags["wait-healthy"]) {
      if (attach || interactive)
        throw new EngineError(
          "invalid_argument",
          "conflicting options: cannot specify --wait-healthy and --attach or --interactive",
        );
      const { startHealthy } = await import("./request/wait-healthy.ts");
      return await startHealthy(engine, context.args, context);
    }
    return attach || interactive ? startAttached(engine, context) : startAll(engine, context);
  },
});

async function startAttached(
  engine: Engine,
  context: CommandContext<typeof startFlags>,
): Promise<number> {
  const { args, flags } = context;
  const [name = ""] = args;
  if (args.length > 1) {
    throw new EngineError(
      "invalid_argument",
      "you cannot start and attach multiple containers at once",
    );
  }
  const { Id = name, Config, HostConfig } = await engine.inspectContainer(name);
  const tty = Config?.Tty ?? false;
  return await attachAndStart(engine, Id, {
    stdin: flags.interactive && (Config?.OpenStdin ?? false),
    stdout: true,
    stderr: true,
    tty,
    detachKeys: flags["detach-keys"],
    signals: !tty,
    waitFor: HostConfig?.AutoRemove ? "removed" : "next-exit",
    session: context,
  });
}

async function startAll(engine: Engine, context: CommandContext<typeof startFlags>) {
  const { args, program, stdout, stderr } = context;
  const failed: string[] = [];
  let exit: number = exitCodes.ok;
  for (const name of args) {
    try {
      await engine.startContainer(name);
      stdout.line(name);
    } catch (error) {
      stderr.line(formatError(error, program));
      failed.push(name);
      exit = exitCodeOf(error);
    }
  }
  if (failed.length > 0) stderr.line(`Error: failed to start containers: ${failed.join(", ")}`);
  // Docker's exit code for this is 1 whatever the cause.
  return exit === exitCodes.ok ? exit : exitCodes.failure;
}
