import { readFile } from "node:fs/promises";
import type { HostConfig } from "../../api/types.ts";
import { EngineError, messageOf } from "../../errors.ts";
import type { SeccompPlan } from "../../native-types/plan.ts";
import { capabilityMask, chooseCapabilities } from "./capabilities.ts";
import { parseSecurityOptions } from "./security.ts";

/** What containers get that ask for nothing. */
export interface SeccompDefault {
  /** "builtin", "unconfined" or the path of a file, as it was given. */
  name: string;
  /** Of that file; null for the built-in one. */
  profile: string | null;
}

export const builtinSeccomp: SeccompDefault = { name: "builtin", profile: null };

/** `--seccomp-profile` of the daemon. */
export async function readSeccompDefault(name: string): Promise<SeccompDefault> {
  if (name === "" || name === "builtin" || name === "unconfined")
    return { name: name || "builtin", profile: null };
  try {
    return { name, profile: await readFile(name, "utf8") };
  } catch (cause) {
    throw new EngineError(
      "invalid_argument",
      `opening seccomp profile (${name}) failed: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** Which filter a container has: as it asks, none if it is privileged, else the daemon's. */
export function planSeccomp(host: HostConfig, fallback: SeccompDefault): SeccompPlan | null {
  const asked = parseSecurityOptions(host.SecurityOpt ?? []).seccomp;
  const privileged = host.Privileged ?? false;
  if (asked === "unconfined" || (asked === undefined && privileged)) return null;
  if (asked === undefined && fallback.name === "unconfined") return null;
  const capabilities = capabilityMask(
    chooseCapabilities(host.CapAdd ?? [], host.CapDrop ?? [], privileged),
  );
  if (asked === undefined) return { profile: fallback.profile, capabilities };
  return { profile: asked === "builtin" ? null : asked, capabilities };
}
