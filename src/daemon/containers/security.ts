import { EngineError } from "../../errors.ts";

/** What `--security-opt` asks for, of what this engine knows. */
export interface SecurityOptions {
  /** Absent: as the daemon is set. */
  noNewPrivileges?: boolean;
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
    } else if (name === "apparmor" && value === "unconfined") {
      // What a container gets anyway, until profiles exist.
    } else if (option === "disable" || (name === "label" && value === "disable")) {
      // No SELinux labels are ever set.
    } else if (["apparmor", "label"].includes(name)) {
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

/** Alone it means true; the words are those that Go's ParseBool takes. */
function parseSwitch(option: string, value: string | undefined): boolean {
  if (value === undefined || /^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw invalid(option);
}

function invalid(option: string): EngineError {
  return new EngineError("invalid_argument", `invalid --security-opt: "${option}"`);
}
