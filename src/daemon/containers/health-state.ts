import type { ContainerConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import type { Health, HealthResult } from "./container.ts";

/** A health check as it is carried out; times in milliseconds. */
export interface HealthCheck {
  /** What is executed in the container. */
  argv: string[];
  interval: number;
  timeout: number;
  startPeriod: number;
  startInterval: number;
  retries: number;
}

/** Results and bytes of output of each that are kept, as in Docker. */
const keptResults = 5;
export const maxOutput = 4096;

const nanosPerMilli = 1e6;

/** The check that a container's settings ask for; undefined if there is none. */
export function findHealthCheck(config: ContainerConfig): HealthCheck | undefined {
  const { Healthcheck: check, Shell } = config;
  const [kind, ...rest] = check?.Test ?? [];
  const shell = Shell != null && Shell.length > 0 ? Shell : ["/bin/sh", "-c"];
  let argv: string[] = [];
  if (kind === "CMD") argv = rest;
  else if (kind === "CMD-SHELL") argv = [...shell, rest[0] ?? ""];
  if (check === undefined || argv.length === 0) return undefined;
  const millis = (nanos: number | undefined, absent: number): number =>
    nanos ? nanos / nanosPerMilli : absent;
  return {
    argv,
    interval: millis(check.Interval, 30_000),
    timeout: millis(check.Timeout, 30_000),
    startPeriod: millis(check.StartPeriod, 0),
    startInterval: millis(check.StartInterval, 5000),
    retries: check.Retries || 3,
  };
}

/** As a start begins: results of the run before stay to be read. */
export function startingHealth(config: ContainerConfig, before: Health | null): Health | null {
  if (findHealthCheck(config) === undefined) return null;
  return { status: "starting", failingStreak: 0, log: before?.log ?? [] };
}

/** What a probe's result makes of the health of a container that started `sinceStart` ms before the probe. */
export function nextHealth(
  health: Health,
  result: HealthResult,
  check: Pick<HealthCheck, "retries" | "startPeriod">,
  sinceStart: number,
): Health {
  const log = [...health.log, result].slice(-keptResults);
  if (result.exitCode === 0) return { status: "healthy", failingStreak: 0, log };
  // While it starts, failures do not count; the first success ends that.
  if (health.status === "starting" && sinceStart < check.startPeriod) return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  const status = failingStreak >= check.retries ? "unhealthy" : health.status;
  return { status, failingStreak, log };
}

/** Milliseconds from one probe to the next. */
export function probeDelay(health: Health, check: HealthCheck, sinceStart: number): number {
  const starts = health.status === "starting" && sinceStart < check.startPeriod;
  return starts ? check.startInterval : check.interval;
}

/** The result's text for a probe that was ended, in Docker's words. */
export function timeoutText(timeout: number, output: string): string {
  const text = `Health check exceeded timeout (${formatDuration(timeout)})`;
  return output === "" ? text : `${text}: ${output}`;
}

/** As Go writes a duration: "500ms", "1.5s", "1m30s", "1h0m0s". */
function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const seconds = milliseconds / 1000;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = `${Number((seconds % 60).toFixed(3))}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

/** The settings of an image's check, completed by those of the request. */
export function mergeHealthcheck(
  own: ContainerConfig["Healthcheck"],
  image: ContainerConfig["Healthcheck"],
): ContainerConfig["Healthcheck"] {
  if (own == null || image == null) return own ?? image;
  return {
    Test: own.Test?.length ? own.Test : (image.Test ?? []),
    Interval: own.Interval || image.Interval || 0,
    Timeout: own.Timeout || image.Timeout || 0,
    StartPeriod: own.StartPeriod || image.StartPeriod || 0,
    StartInterval: own.StartInterval || image.StartInterval || 0,
    Retries: own.Retries || image.Retries || 0,
  };
}

/** Throws invalid_argument in Docker's words. */
export function checkHealthcheck(check: ContainerConfig["Healthcheck"]): void {
  if (check == null) return;
  for (const name of ["Interval", "Timeout", "StartPeriod", "StartInterval"] as const) {
    const nanos = check[name] ?? 0;
    if (nanos !== 0 && nanos < nanosPerMilli)
      throw new EngineError("invalid_argument", `${name} in Healthcheck cannot be less than 1ms`);
  }
  if ((check.Retries ?? 0) < 0)
    throw new EngineError("invalid_argument", "Retries in Healthcheck cannot be negative");
  const [kind] = check.Test ?? [];
  if (kind !== undefined && !["", "NONE", "CMD", "CMD-SHELL"].includes(kind))
    throw new EngineError("invalid_argument", `Unknown health check type: "${kind}"`);
}
