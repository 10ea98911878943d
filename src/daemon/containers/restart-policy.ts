import type { HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";

/** Docker's back-off between two starts of the restart policy, in milliseconds. */
const firstDelay = 100;
const longestDelay = 60_000;
/** A container that ran this long has recovered: the back-off begins anew. */
const recovered = 10_000;

export interface RestartQuestion {
  exitCode: number;
  /** Starts that the policy has made already. */
  restartCount: number;
  /** The user has stopped or killed it. */
  stopped: boolean;
  /** It has ended under the eyes of this daemon, or was found ended when the daemon started. */
  moment: "exit" | "boot";
}

/** True if the policy wants the container started again. */
export function decideRestart(
  policy: HostConfig["RestartPolicy"],
  { exitCode, restartCount, stopped, moment }: RestartQuestion,
): boolean {
  const most = policy?.MaximumRetryCount ?? 0;
  switch (policy?.Name) {
    case "always":
      // Docker's difference to unless-stopped: the start of the daemon brings back what was stopped.
      return !stopped || moment === "boot";
    case "unless-stopped":
      return !stopped;
    case "on-failure":
      return !stopped && exitCode !== 0 && (most === 0 || restartCount < most);
    default:
      return false;
  }
}

/** The delay before the next start: doubled, but for a container that has run for a while. */
export function nextDelay(previous: number, ranFor: number): number {
  if (previous === 0 || ranFor >= recovered) return firstDelay;
  return Math.min(previous * 2, longestDelay);
}

const names = ["no", "always", "unless-stopped", "on-failure"];

/** The policy as it is kept. Throws invalid_argument in Docker's words. */
export function parseRestartPolicy(
  asked: HostConfig["RestartPolicy"],
): NonNullable<HostConfig["RestartPolicy"]> {
  const name = asked?.Name || "no";
  const count = asked?.MaximumRetryCount ?? 0;
  if (!names.includes(name)) {
    throw new EngineError(
      "invalid_argument",
      `invalid restart policy: unknown policy '${name}'; use one of '${names.join("', '")}'`,
    );
  }
  if (count < 0) {
    throw new EngineError(
      "invalid_argument",
      "invalid restart policy: maximum retry count cannot be negative",
    );
  }
  if (count > 0 && name !== "on-failure") {
    throw new EngineError(
      "invalid_argument",
      "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    );
  }
  return { Name: name, MaximumRetryCount: count };
}
