import type { ContainerWaitResponse } from "../../api/types.ts";
import type { Session } from "../../cli/command.ts";
import { exitCodes } from "../../cli/report.ts";
import type { Engine } from "../../client/engine.ts";
import type { HijackedStream } from "../../client/transport.ts";
import { EngineError } from "../../errors.ts";
import { proxySignals } from "./signals.ts";
import { copyOutput } from "./streams.ts";

export interface AttachedOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
  detachKeys: string | undefined;
  /** Signals to this process go to the container's. */
  signals: boolean;
  /** What ends the wait. */
  waitFor: "next-exit" | "removed" | "not-running";
  session: Session;
}

/**
 * Attaches to a created container, starts it and follows it to its end. Resolves with its exit code,
 * all of its output written, or with 0 when the user detached.
 */
export async function attachAndStart(
  engine: Engine,
  id: string,
  options: AttachedOptions,
): Promise<number> {
  if (options.signals) proxySignals(engine, id);
  const [stream, wait] = await Promise.all([
    engine.attachContainer(id, attachQuery(options)),
    engine.waitContainer(id, options.waitFor),
  ]);
  return await withTerminal(options, async () => {
    try {
      await engine.startContainer(id, { detachKeys: options.detachKeys });
    } catch (error) {
      stream.connection.close();
      // The engine removes it; when this command ends, it is gone.
      if (options.waitFor === "removed") await wait.exit.catch(() => {});
      throw error;
    }
    return await follow(engine, id, stream, wait.exit, options);
  });
}

/** Does `body` with the terminal in raw mode, if there is one that is typed into. */
export async function withTerminal<T>(
  options: Pick<AttachedOptions, "stdin" | "tty">,
  body: () => Promise<T>,
): Promise<T> {
  if (!options.stdin || !options.tty) return await body();
  const { enterRawMode, isTerminal } = await import("../../cli/terminal.ts");
  using _ = isTerminal(0) ? await enterRawMode() : undefined;
  return await body();
}

export function attachQuery(options: AttachedOptions) {
  const { stdin, stdout, stderr, detachKeys } = options;
  return { stdin, stdout, stderr, ...(detachKeys === undefined ? {} : { detachKeys }) };
}

type Exit = ReturnType<Engine["waitContainer"]> extends Promise<{ exit: infer E }> ? E : never;

/** Relays a running container's streams until it ends. */
export async function follow(
  engine: Engine,
  id: string,
  stream: HijackedStream,
  exit: Exit,
  options: AttachedOptions,
): Promise<number> {
  const output = copyOutput(stream, options);
  output.catch(() => {});
  if (options.stdin || options.tty) {
    const { followInteractive } = await import("./interactive.ts");
    const resize = (rows: number, columns: number) => engine.resizeContainer(id, rows, columns);
    if (await followInteractive(resize, stream, { exit, output }, options)) return exitCodes.ok;
  }
  // Output that cannot be written ends the wait; output that ends early does not.
  const result = await Promise.race([exit, output.then(() => exit)]);
  if (options.stdout || options.stderr) await output;
  return toExitCode(result);
}

/** What a wait has come to. */
export function toExitCode(result: ContainerWaitResponse): number {
  const reason = result.Error?.Message;
  if (reason) throw new EngineError("internal", `cannot wait for the container: ${reason}`);
  return result.StatusCode;
}
