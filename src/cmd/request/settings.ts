import type { ContainerCreateRequest, HostConfig } from "../../api/types.ts";
import { parseLink } from "./attachment.ts";
import { buildBlockLimits } from "./block.ts";
import { buildDevices } from "./devices.ts";
import { readEnvironment, readLabels } from "./environment.ts";
import type { ContainerFlags } from "./flags.ts";
import { buildHealthAction, buildHealthcheck } from "./health.ts";
import { buildBinds, parseMount } from "./mounts.ts";
import { parseExtraHost, parseNameServer, parseSearchDomain } from "./names.ts";
import { buildEndpoints } from "./network.ts";
import { compact, cut, refuse, toMap, type Undefinable } from "./parts.ts";
import { parseExposed, parsePublished } from "./ports.ts";
import { parseNanoCpus, parseRestart, parseSysctls, parseUlimit } from "./resources.ts";
import { normalizeCapabilities, readSecurity } from "./security.ts";

/**
 * Adds to `base` all that is neither the process nor its streams: environment, labels, mounts, ports,
 * networks, limits. Reads env, label and seccomp files. Throws EngineError.
 */
export async function addSettings(
  base: ContainerCreateRequest,
  flags: ContainerFlags,
  given: ReadonlySet<string>,
): Promise<ContainerCreateRequest> {
  const published = parsePublished(flags.publish);
  const exposed = [...published.keys(), ...flags.expose.flatMap(parseExposed)];
  const { binds, volumes } = buildBinds(flags.volume);
  const endpoints = buildEndpoints(flags);
  const configs = Object.keys(endpoints.configs).length > 0;
  const hostConfig: HostConfig = {
    ...base.HostConfig,
    ...(await buildHostConfig(flags, given)),
    ...compact<HostConfig>({
      Binds: binds,
      PortBindings: Object.fromEntries(published),
      NetworkMode: flags.network.length > 0 ? endpoints.mode : undefined,
    }),
  };
  return {
    ...base,
    ...compact<ContainerCreateRequest>({
      Env: await readEnvironment(flags["env-file"], flags.env),
      Labels: await readLabels(flags["label-file"], flags.label),
      Volumes: volumes,
      ExposedPorts: Object.fromEntries(exposed.map((port) => [port, {}])),
      Healthcheck: buildHealthcheck(flags),
      HostConfig: hostConfig,
      NetworkingConfig: configs ? { EndpointsConfig: endpoints.configs } : undefined,
    }),
  };
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
    ContainerIDFile: flags.cidfile,
    RestartPolicy: parseRestart(flags.restart),
    Mounts: flags.mount.map(parseMount),
    Tmpfs: Object.fromEntries(flags.tmpfs.map((text) => cut(text, ":"))),
    VolumeDriver: flags["volume-driver"],
    VolumesFrom: flags["volumes-from"],
    PublishAllPorts: flags["publish-all"],
    ...namespaces(flags),
    Privileged: flags.privileged,
    CapAdd: normalizeCapabilities(flags["cap-add"]),
    CapDrop: normalizeCapabilities(flags["cap-drop"]),
    GroupAdd: flags["group-add"],
    ReadonlyRootfs: flags["read-only"],
    SecurityOpt: security.options,
    Dns: flags.dns.map(parseNameServer),
    DnsOptions: flags["dns-option"],
    DnsSearch: flags["dns-search"].map(parseSearchDomain),
    ExtraHosts: flags["add-host"].map(parseExtraHost),
    Links: flags.link.map(parseLink),
    LogConfig: buildLogConfig(flags),
    StorageOpt: toMap(flags["storage-opt"], "--storage-opt"),
    Sysctls: parseSysctls(flags.sysctl),
    Annotations: {
      ...toMap(flags.annotation, "--annotation"),
      ...buildHealthAction(flags),
    },
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
    CpuRealtimePeriod: flags["cpu-rt-period"] || undefined,
    CpuRealtimeRuntime: flags["cpu-rt-runtime"] || undefined,
    ...buildBlockLimits(flags),
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

function check(value: string | undefined, pattern: RegExp, message: string): void {
  if (value !== undefined && !pattern.test(value)) throw refuse(message);
}
