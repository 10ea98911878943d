import type { ContainerInspectResponse, EventMessage } from "../../api/types.ts";
import type { Session } from "../../cli/command.ts";
import { exitCodes, formatError } from "../../cli/report.ts";
import type { Engine } from "../../client/engine.ts";
import { EngineError } from "../../errors.ts";
import { runBatch } from "../batch.ts";

/** Starts a container that was just created, prints its id and waits until it is healthy. */
export async function runHealthy(engine: Engine, id: string, session: Session): Promise<number> {
  try {
    await refuseUnchecked(engine, id);
  } catch (error) {
    await engine.removeContainer(id, { volumes: true });
    throw error;
  }
  const healthy = watch(engine, id);
  await healthy.registered;
  await engine.startContainer(id);
  session.stdout.line(id);
  await session.stdout.flush();
  try {
    await healthy.done;
    return exitCodes.ok;
  } catch (error) {
    // The command was right and has run: 125 would say that it was not.
    session.stderr.line(formatError(error, session.program));
    return exitCodes.failure;
  }
}

/** Starts containers and prints each name once the container is healthy. */
export async function startHealthy(
  engine: Engine,
  names: readonly string[],
  session: Session,
): Promise<number> {
  for (const name of names) await refuseUnchecked(engine, name);
  return await runBatch(session, names, async (name) => {
    const { Id = name } = await engine.inspectContainer(name);
    const healthy = watch(engine, Id);
    await healthy.registered;
    await engine.startContainer(Id);
    await healthy.done;
    return name;
  });
}

/** Before anything starts: without a check the wait would never end. */
async function refuseUnchecked(engine: Engine, name: string): Promise<void> {
  const { Config } = await engine.inspectContainer(name);
  const [kind] = Config?.Healthcheck?.Test ?? [];
  if (kind !== undefined && kind !== "" && kind !== "NONE") return;
  throw new EngineError(
    "invalid_argument",
    `cannot wait for container ${name} to be healthy: it has no health check`,
    { hint: "give one with --health-cmd" },
  );
}

/** Listens before the start, so that no change of health escapes. */
function watch(engine: Engine, id: string): { registered: Promise<void>; done: Promise<void> } {
  const registered = Promise.withResolvers<void>();
  const filters = { container: [id], event: ["health_status", "die", "destroy"] };
  // A moment ago: the stream's head is answered before anything can happen.
  const since = String((Date.now() - 1) / 1000);
  const done = (async () => {
    const stream = await engine.openEvents({ since, filters });
    registered.resolve();
    if (await isHealthy(engine, id)) return;
    for await (const event of stream) if (await settles(engine, id, event)) return;
    throw new EngineError("unavailable", `container ${id}: the engine ended its events`);
  })();
  done.catch((error: unknown) => registered.reject(error));
  return { registered: registered.promise, done };
}

async function isHealthy(engine: Engine, id: string): Promise<boolean> {
  const found = await engine.inspectContainer(id);
  if (found.State?.Running !== true) return false;
  const status = found.State.Health?.Status;
  if (status === "unhealthy") throw unhealthy(id, found);
  return status === "healthy";
}

/** True once it is healthy. Throws once it is not going to be. */
async function settles(engine: Engine, id: string, event: EventMessage): Promise<boolean> {
  const short = id.slice(0, 12);
  if (event.Action === "health_status: healthy") return true;
  if (event.Action === "health_status: unhealthy") {
    const found = await engine.inspectContainer(id).catch(() => undefined);
    throw unhealthy(id, found);
  }
  if (event.Action !== "die")
    throw new EngineError("unavailable", `container ${short} was removed`);
  const code = event.Actor?.Attributes?.exitCode ?? "?";
  throw new EngineError(
    "unavailable",
    `container ${short} exited with status ${code} before it was healthy`,
  );
}

function unhealthy(id: string, found: ContainerInspectResponse | undefined): EngineError {
  const { ExitCode = 0, Output = "" } = found?.State?.Health?.Log?.at(-1) ?? {};
  const text = Output.trim();
  const detail = `the last check ended with ${ExitCode}${text === "" ? "" : `: ${text}`}`;
  return new EngineError("unavailable", `container ${id.slice(0, 12)} is unhealthy: ${detail}`);
}
