import type { Engine } from "../../client/engine.ts";
import { type AttachedOptions, attachAndStart, toExitCode } from "./attached.ts";
import { type Creation, createBy } from "./create-container.ts";
import { proxySignals } from "./signals.ts";
import { copyOutput } from "./streams.ts";

/** Runs a container without input to its end, on one connection where the engine can. Its exit code. */
export async function runPlain(
  engine: Engine,
  creation: Creation,
  options: AttachedOptions,
): Promise<number> {
  const { request, flags } = creation;
  const run = () => engine.runContainer(request, flags);
  const { Id, connection } = await createBy(run, engine, creation, options.session);
  if (connection === undefined) return await attachAndStart(engine, Id, options);
  if (options.signals) proxySignals(engine, Id);
  const stream = { connection, multiplexed: true };
  const code = await copyOutput(stream, { tty: false, session: options.session });
  if (code !== undefined) return code;
  // The output has outlived its daemon, which would have told the rest.
  const { exit } = await engine.waitContainer(Id, "not-running");
  return toExitCode(await exit);
}
