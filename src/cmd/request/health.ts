import type { ContainerCreateRequest } from "../../api/types.ts";
import type { ContainerFlags } from "./flags.ts";
import { refuse } from "./parts.ts";

/** The health check that --health-* ask for; undefined leaves the image's own. */
export function buildHealthcheck(flags: ContainerFlags): ContainerCreateRequest["Healthcheck"] {
  const values = {
    Interval: flags["health-interval"],
    Timeout: flags["health-timeout"],
    StartPeriod: flags["health-start-period"],
    StartInterval: flags["health-start-interval"],
    Retries: flags["health-retries"],
  };
  const command = flags["health-cmd"];
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== 0);
  const wanted = set.length > 0 || (command !== undefined && command !== "");
  if (flags["no-healthcheck"]) {
    if (wanted) throw refuse("--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (!wanted) return undefined;
  for (const [name, value] of set) {
    if (value !== undefined && value < 0)
      throw refuse(`--health-${spell(name)} cannot be negative`);
  }
  const test = command ? { Test: ["CMD-SHELL", command] } : {};
  return { ...test, ...Object.fromEntries(set) };
}

/** The annotation by which the engine knows what to do about an unhealthy container. */
export function buildHealthAction(flags: ContainerFlags): Record<string, string> {
  const action = flags["health-on-failure"];
  return action === undefined || action === "" ? {} : { "rt.health-on-failure": action };
}

/** "StartPeriod" → "start-period". */
function spell(name: string): string {
  return name.replace(/(?!^)[A-Z]/g, "-$&").toLowerCase();
}
