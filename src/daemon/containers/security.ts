import type { HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";

/** What `--security-opt` asks for, of what this engine knows. */
export interface SecurityOptions {
  /** Absent: as the daemon is set. */
  noNewPrivileges?: boolean;
  /** Name of a profile, or "unconfined". Absent: the default one, none for a privileged container. */
  appArmor?: string;
  /** Absent: for a privileged container. */
  writableCgroups?: boolean;
  /** "builtin", "unconfined" or a profile's JSON; absent: as the daemon is set. */
  seccomp?: string;
}

/**
 * "NAME", "NAME=VALUE" or Docker's older "NAME:VALUE". Profiles that this engine cannot apply are
 * refused rather than ignored.
 */
export function parseSecurityOptions(options: string[]): SecurityOptions {
  const parsed: SecurityOptions = {};
  for (const option of options) {
    const [, name = "", value] = /^([^=:]*)(?:[=:](.*))?$/s.exec(option) ?? [];
    if (name === "no-new-privileges") {
      parsed.noNewPrivileges = parseSwitch(option, value);
    } else if (name === "writable-cgroups") {
      parsed.writableCgroups = parseSwitch(option, value);
    } else if (name === "seccomp" && value) {
      parsed.seccomp = value;
    } else if (name === "apparmor" && value) {
      parsed.appArmor = value;
    } else if (option === "disable" || (name === "label" && value === "disable")) {
      // No SELinux labels are ever set.
    } else if (name === "label") {
      throw new EngineError(
        "not_implemented",
        `security option "${option}" is not supported by this engine yet`,
      );
    } else {
      throw invalid(option);
    }
  }
  return parsed;
}

export const defaultAppArmor = "docker-default";
const unconfined = "unconfined";

/** The profile that a container is to have, in Docker's words; "" where the kernel has no AppArmor. */
export function chooseAppArmor(host: HostConfig, facts: { appArmor: boolean }): string {
  if (!facts.appArmor) return "";
  const asked = parseSecurityOptions(host.SecurityOpt ?? []).appArmor;
  return asked ?? (host.Privileged ? unconfined : defaultAppArmor);
}

/** As a plan has it. */
export function planAppArmor(host: HostConfig, facts: { appArmor: boolean }): string | null {
  const profile = chooseAppArmor(host, facts);
  return profile === "" || profile === unconfined ? null : profile;
}

/** Who asks for a profile of their own is not given a container without any. */
export function checkAppArmor(host: HostConfig, facts: { appArmor: boolean }): void {
  const asked = parseSecurityOptions(host.SecurityOpt ?? []).appArmor ?? unconfined;
  if (facts.appArmor || [unconfined, defaultAppArmor].includes(asked)) return;
  throw new EngineError(
    "invalid_argument",
    `AppArmor is not available on this kernel: profile ${JSON.stringify(asked)} cannot be applied`,
  );
}

/** Alone it means true; the words are those that Go's ParseBool takes. */
function parseSwitch(option: string, value: string | undefined): boolean {
  if (value === undefined || /^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw invalid(option);
}

function invalid(option: string): EngineError {
  return new EngineError("invalid_argument", `invalid --security-opt: "${option}"`);
}
