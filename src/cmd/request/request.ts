import type { ContainerCreateRequest, HostConfig } from "../../api/types.ts";
import type { FlagValues } from "../../cli/flags.ts";
import { buildDevices } from "./devices.ts";
import { readEnvironment, readLabels } from "./environment.ts";
import type { containerFlags } from "./flags.ts";
import { buildHealthcheck } from "./health.ts";
import { buildBinds, parseMount } from "./mounts.ts";
import { buildEndpoints } from "./network.ts";
import { compact, cut, invalid, isAddress, refuse, toMap, type Undefinable } from "./parts.ts";
import { parseExposed, parsePublished } from "./ports.ts";
import { parseNanoCpus, parseRestart, parseSysctls, parseUlimit } from "./resources.ts";
import { readSecurity } from "./security.ts";

export type ContainerFlags = FlagValues<typeof containerFlags>;

export interface ContainerWords {
  image: string;
  command: string[];
}

/**
 * The body of POST /containers/create that `flags` ask for: what Docker's client sends, without the
 * members that have their zero value. Reads env, label and seccomp files. Throws EngineError.
 */
export async function buildCreateRequest(
  flags: ContainerFlags,
  given: ReadonlySet<string>,
  words: ContainerWords,
): Promise<ContainerCreateRequest> {
  const attach = buildAttach(flags);
  const published = parsePublished(flags.publish);
  const exposed = [...published.keys(), ...flags.expose.flatMap(parseExposed)];
  const { binds, volumes } = buildBinds(flags.volume);
  const env =
    flags.env.length + flags["env-file"].length > 0
      ? await readEnvironment(flags["env-file"], flags.env)
      : [];
  const labels =
    flags.label.length + flags["label-file"].length > 0
      ? await readLabels(flags["label-file"], flags.label)
      : {};
  const endpoints = buildEndpoints(flags);
  const hostConfig: HostConfig = {
    ...(await buildHostConfig(flags, given)),
    ...compact<HostConfig>({
      Binds: binds,
      PortBindings: Object.fromEntries(published),
      NetworkMode: flags.network.length > 0 ? endpoints.mode : undefined,
    }),
  };
  return compact<ContainerCreateRequest>({
    Image: words.image,
    ...attach,
    Hostname: flags.hostname,
    Domainname: flags.domainname,
    User: flags.user,
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive && attach.AttachStdin,
    Env: env,
    Cmd: words.command,
    Entrypoint: buildEntrypoint(flags.entrypoint),
    WorkingDir: flags.workdir,
    Volumes: volumes,
    ExposedPorts: Object.fromEntries(exposed.map((port) => [port, {}])),
    Labels: labels,
    StopSignal: flags["stop-signal"],
    StopTimeout: given.has("stop-timeout") ? flags["stop-timeout"] : undefined,
    Healthcheck: buildHealthcheck(flags),
    HostConfig: hostConfig,
    NetworkingConfig:
      Object.keys(endpoints.configs).length > 0
        ? { EndpointsConfig: endpoints.configs }
        : undefined,
  });
}

/** Which streams the container offers: those of -a, and stdin with -i; stdout and stderr else. */
export function buildAttach(flags: Pick<ContainerFlags, "attach" | "interactive">) {
  const named = flags.attach.map((text) => {
    const name = text.toLowerCase();
    if (name === "stdin" || name === "stdout" || name === "stderr") return name;
    throw invalid(text, "-a, --attach", "valid streams are STDIN, STDOUT and STDERR");
  });
  const all = named.length === 0;
  return {
    AttachStdin: flags.interactive || named.includes("stdin"),
    AttachStdout: all || named.includes("stdout"),
    AttachStderr: all || named.includes("stderr"),
  };
}

/** `--entrypoint ""` asks for none, which the API says as [""]. */
function buildEntrypoint(entrypoint: string | undefined): string[] | undefined {
  return entrypoint === undefined ? undefined : [entrypoint];
}

async function buildHostConfig(
  flags: ContainerFlags,
  given: ReadonlySet<string>,
): Promise<HostConfig> {
  if (flags.rm && flags.restart !== undefined && !/^(no)?$/.test(flags.restart)) {
    throw refuse("conflicting options: cannot specify both --restart and --rm");
  }
  const security = await readSecurity(flags["security-opt"]);
  const hostConfig = compact<HostConfig>({
    AutoRemove: flags.rm,
    ContainerIDFile: flags.cidfile,
    RestartPolicy: parseRestart(flags.restart),
    Mounts: flags.mount.map(parseMount),
    Tmpfs: Object.fromEntries(flags.tmpfs.map((text) => cut(text, ":"))),
    VolumeDriver: flags["volume-driver"],
    VolumesFrom: flags["volumes-from"],
    PublishAllPorts: flags["publish-all"],
    ...namespaces(flags),
    Privileged: flags.privileged,
    CapAdd: flags["cap-add"],
    CapDrop: flags["cap-drop"],
    GroupAdd: flags["group-add"],
    ReadonlyRootfs: flags["read-only"],
    SecurityOpt: security.options,
    Dns: flags.dns.map(checkAddress),
    DnsOptions: flags["dns-option"],
    DnsSearch: flags["dns-search"],
    ExtraHosts: flags["add-host"].map(parseExtraHost),
    Links: flags.link,
    LogConfig: buildLogConfig(flags),
    StorageOpt: toMap(flags["storage-opt"], "--storage-opt"),
    Sysctls: parseSysctls(flags.sysctl),
    Annotations: toMap(flags.annotation, "--annotation"),
    Runtime: flags.runtime,
    ...buildResources(flags),
    ...buildDevices(flags),
  });
  return { ...hostConfig, ...security.paths, ...(given.has("init") ? { Init: flags.init } : {}) };
}

function namespaces(flags: ContainerFlags): Undefinable<HostConfig> {
  check(flags.pid, /^(host|container:.+)?$/, "--pid: invalid PID mode");
  check(flags.uts, /^(host)?$/, "--uts: invalid UTS mode");
  check(flags.userns, /^(host)?$/, "--userns: invalid USER mode");
  const cgroupns = flags.cgroupns;
  if (cgroupns !== undefined && cgroupns !== "host" && cgroupns !== "private") {
    throw refuse("--cgroupns: invalid CGROUP mode");
  }
  return {
    IpcMode: flags.ipc,
    PidMode: flags.pid,
    UTSMode: flags.uts,
    UsernsMode: flags.userns,
    CgroupnsMode: cgroupns,
  };
}

function buildResources(flags: ContainerFlags): Undefinable<HostConfig> {
  const swappiness = flags["memory-swappiness"];
  if (swappiness !== undefined && swappiness !== -1 && (swappiness < 0 || swappiness > 100)) {
    throw refuse(`invalid value: ${swappiness}: memory swappiness ranges from 0 to 100`);
  }
  return {
    CgroupParent: flags["cgroup-parent"],
    Memory: flags.memory,
    MemoryReservation: flags["memory-reservation"],
    MemorySwap: flags["memory-swap"],
    MemorySwappiness: swappiness,
    OomKillDisable: flags["oom-kill-disable"],
    OomScoreAdj: flags["oom-score-adj"] || undefined,
    NanoCpus: flags.cpus === undefined ? undefined : parseNanoCpus(flags.cpus),
    CpuShares: flags["cpu-shares"] || undefined,
    CpuPeriod: flags["cpu-period"] || undefined,
    CpuQuota: flags["cpu-quota"] || undefined,
    CpusetCpus: flags["cpuset-cpus"],
    CpusetMems: flags["cpuset-mems"],
    PidsLimit: flags["pids-limit"] || undefined,
    BlkioWeight: flags["blkio-weight"] || undefined,
    ShmSize: flags["shm-size"],
    Ulimits: flags.ulimit.map(parseUlimit),
  };
}

function buildLogConfig(flags: ContainerFlags): HostConfig["LogConfig"] {
  const driver = flags["log-driver"];
  const options = toMap(flags["log-opt"], "--log-opt");
  if (driver === "none" && flags["log-opt"].length > 0) {
    throw refuse("invalid logging opts for driver none");
  }
  if (driver === undefined && flags["log-opt"].length === 0) return undefined;
  // The type lists Docker's own drivers; the engine judges the name.
  return { ...(driver === undefined ? {} : { Type: driver as "json-file" }), Config: options };
}

function parseExtraHost(text: string): string {
  const [name, address] = cut(text, text.includes("=") ? "=" : ":");
  if (name === "" || address === "") {
    throw invalid(text, "--add-host", `bad format for add-host: "${text}"`);
  }
  const bare = address.replace(/^\[(.*)\]$/, "$1");
  if (address !== "host-gateway" && !isAddress(bare)) {
    throw invalid(text, "--add-host", `invalid IP address in add-host: "${address}"`);
  }
  return `${name}:${bare}`;
}

function checkAddress(text: string): string {
  if (isAddress(text.trim())) return text.trim();
  throw invalid(text, "--dns", `IP address is not correctly formatted: ${text}`);
}

function check(value: string | undefined, pattern: RegExp, message: string): void {
  if (value !== undefined && !pattern.test(value)) throw refuse(message);
}
