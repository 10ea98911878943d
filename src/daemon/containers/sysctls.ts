import type { HostConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";

const ipcNames =
  /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..+)$/;

/** What a container sets of the kernel's, all of it in namespaces of its own; as runc judges them. */
export function parseSysctls(host: HostConfig): Record<string, string> {
  const sysctls = host.Sysctls ?? {};
  for (const name of Object.keys(sysctls)) {
    const why = objectionTo(name, host);
    if (why !== undefined)
      throw new EngineError("invalid_argument", `sysctl ${JSON.stringify(name)} ${why}`);
  }
  return sysctls;
}

function objectionTo(name: string, host: HostConfig): string | undefined {
  const dotted = toDots(name);
  const parts = name.split(/[./]/);
  if (parts.some((part) => !/^[\w@:-]+$/.test(part))) return "is not a valid name";
  if (ipcNames.test(dotted))
    return host.IpcMode === "host" ? "is not allowed in the hosts ipc namespace" : undefined;
  if (dotted.startsWith("net."))
    return host.NetworkMode === "host" ? "not allowed in host network namespace" : undefined;
  if (host.UTSMode !== "host" && dotted === "kernel.domainname") return undefined;
  if (host.UTSMode !== "host" && dotted === "kernel.hostname")
    return 'is not allowed as it conflicts with the OCI "hostname" field';
  return "is not in a separate kernel namespace";
}

/** As sysctl(8): in a name whose first separator is a slash, dots are part of the names between. */
export function toDots(name: string): string {
  if (/[./]/.exec(name)?.[0] !== "/") return name;
  return name.replace(/[./]/g, (separator) => (separator === "/" ? "." : "/"));
}
