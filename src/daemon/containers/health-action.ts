import type { ContainerConfig, HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { findHealthCheck } from "./health-state.ts";
import { type Stopper, stopSettings } from "./stopper.ts";
import type { Entry } from "./table.ts";

/** What the engine does to a container that turns unhealthy; Docker has only "none". */
export type HealthAction = "none" | "kill" | "restart" | "stop";

/** Where it is kept: an annotation, so that foreign clients can set and read it. */
export const healthActionAnnotation = "rt.health-on-failure";

const actions: readonly string[] = ["none", "kill", "restart", "stop"];

export function healthAction(host: HostConfig): HealthAction {
  const asked = host.Annotations?.[healthActionAnnotation] ?? "none";
  return actions.includes(asked) ? (asked as HealthAction) : "none";
}

/** Does to a container that has turned unhealthy what was asked for. */
export async function actOnUnhealthy(
  entry: Entry,
  stopper: Pick<Stopper, "killUnhealthy" | "restart" | "stop">,
): Promise<void> {
  const { signal, seconds } = stopSettings(entry);
  switch (healthAction(entry.container.hostConfig)) {
    case "kill":
      return await stopper.killUnhealthy(entry);
    case "restart":
      return await stopper.restart(entry, signal, seconds);
    case "stop":
      await stopper.stop(entry, signal, seconds);
  }
}

/** Throws invalid_argument for an action that is none, or that could never happen. */
export function checkHealthAction(host: HostConfig, config: ContainerConfig): void {
  const asked = host.Annotations?.[healthActionAnnotation];
  if (asked === undefined) return;
  if (!actions.includes(asked)) {
    throw new EngineError(
      "invalid_argument",
      `invalid value for health-on-failure: "${asked}": use none, kill, restart or stop`,
    );
  }
  if (asked !== "none" && findHealthCheck(config) === undefined) {
    throw new EngineError(
      "invalid_argument",
      `health-on-failure=${asked}: the container has no health check`,
      { hint: "give one with --health-cmd" },
    );
  }
}
