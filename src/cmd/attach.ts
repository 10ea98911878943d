import { defineCommand } from "../cli/command.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";
import { attachQuery, follow, withTerminal } from "./request/attached.ts";
import { proxySignals } from "./request/signals.ts";

export const attach = defineCommand({
  name: "attach",
  summary: "Attach local standard input, output, and error streams to a running container",
  usage: "CONTAINER",
  arity: { min: 1, max: 1 },
  completes: "containers",
  flags: {
    "detach-keys": { kind: "string", summary: "Override the key sequence for detaching" },
    "no-stdin": { kind: "bool", summary: "Do not attach STDIN" },
    "sig-proxy": { kind: "bool", default: "true", summary: "Proxy signals to the process" },
  },
  async run(context) {
    const { args, flags, target } = context;
    const [name = ""] = args;
    const engine = openEngine(target);
    const { Id = name, Config, State } = await engine.inspectContainer(name);
    refuseIdle(State ?? {});
    const tty = Config?.Tty ?? false;
    const options = {
      stdin: !flags["no-stdin"] && (Config?.OpenStdin ?? false),
      stdout: true,
      stderr: true,
      tty,
      detachKeys: flags["detach-keys"],
      signals: flags["sig-proxy"] && !tty,
      waitFor: "not-running" as const,
      session: context,
    };
    if (tty && options.stdin) {
      const { isTerminal } = await import("../cli/terminal.ts");
      if (!isTerminal(0)) {
        throw new EngineError("invalid_argument", "the input device is not a TTY");
      }
    }
    const wait = await engine.waitContainer(Id);
    const stream = await engine.attachContainer(Id, attachQuery(options));
    if (options.signals) proxySignals(engine, Id);
    return await withTerminal(options, () => follow(engine, Id, stream, wait.exit, options));
  },
});

function refuseIdle(state: { Running?: boolean; Paused?: boolean; Restarting?: boolean }): void {
  const refuse = (what: string, remedy: string) =>
    new EngineError("conflict", `You cannot attach to a ${what} container, ${remedy}`);
  if (!state.Running) throw refuse("stopped", "start it first");
  if (state.Paused) throw refuse("paused", "unpause it first");
  if (state.Restarting) throw refuse("restarting", "wait until it is running");
}
