import type { HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";

/** What `--security-opt` asks for, of what this engine knows. */
export interface SecurityOptions {
  noNewPrivileges: boolean;
}

/**
 * "NAME", "NAME=VALUE" or Docker's older "NAME:VALUE". Profiles that this engine cannot apply are
 * refused rather than ignored.
 */
export function parseSecurityOptions(options: string[]): SecurityOptions {
  const parsed: SecurityOptions = { noNewPrivileges: false };
  for (const option of options) {
    const [, name = "", value] = /^([^=:]*)(?:[=:](.*))?$/s.exec(option) ?? [];
    if (name === "no-new-privileges" && ["true", "false", undefined].includes(value)) {
      parsed.noNewPrivileges = value !== "false";
    } else if (["seccomp", "apparmor"].includes(name) && value === "unconfined") {
      // What a container gets anyway, until profiles exist.
    } else if (name === "label" && value === "disable") {
      // No SELinux labels are ever set.
    } else if (["seccomp", "apparmor", "label", "writable-cgroups"].includes(name)) {
      throw new EngineError(
        "not_implemented",
        `security option "${option}" is not supported by this engine yet`,
      );
    } else {
      throw new EngineError("invalid_argument", `invalid --security-opt: "${option}"`);
    }
  }
  return parsed;
}

/** Sysctls that belong to a namespace of the container, as the kernel knows them. */
const namespaced =
  /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced|domainname)|fs\.mqueue\..+)$/;

export function parseSysctls(host: HostConfig): Record<string, string> {
  const sysctls = host.Sysctls ?? {};
  for (const name of Object.keys(sysctls)) {
    if (!/^[a-z0-9_-]+([./][a-zA-Z0-9_-]+)+$/.test(name)) {
      throw new EngineError("invalid_argument", `invalid sysctl ${JSON.stringify(name)}`);
    }
    const isNetwork = name.startsWith("net.");
    if (isNetwork && host.NetworkMode === "host") {
      throw new EngineError(
        "invalid_argument",
        `sysctl "${name}" not allowed in host network namespace`,
      );
    }
    if (!isNetwork && !namespaced.test(name)) {
      throw new EngineError(
        "invalid_argument",
        `sysctl "${name}" is not in a separate kernel namespace`,
      );
    }
    if (!isNetwork && host.IpcMode === "host") {
      throw new EngineError(
        "invalid_argument",
        `sysctl "${name}" not allowed in host ipc namespace`,
      );
    }
  }
  return sysctls;
}
