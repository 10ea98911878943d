import { readFile } from "node:fs/promises";
import { arch, hostname } from "node:os";
import packageJson from "../../package.json";
import type { SystemInfo, SystemVersion } from "../api/types.ts";
import { apiVersion, minApiVersion } from "../api/version.ts";
import type { HostFacts } from "../native-types/native.ts";
import type { DaemonConfig } from "./config.ts";
import { logDrivers } from "./containers/log-options.ts";
import type { ContainerTable } from "./containers/table.ts";
import { toRegistryInfo } from "./registry-settings.ts";

/** GOARCH and uname names of this machine. */
const architectures: Record<string, [string, string]> = {
  x64: ["amd64", "x86_64"],
  arm64: ["arm64", "aarch64"],
};

export function buildVersion(facts: HostFacts): SystemVersion {
  const [goArch = arch()] = architectures[arch()] ?? [];
  const common = {
    Version: packageJson.version,
    ApiVersion: apiVersion,
    MinAPIVersion: minApiVersion,
    GitCommit: "",
    GoVersion: `bun${Bun.version}`,
    Os: "linux",
    Arch: goArch,
    KernelVersion: facts.kernelVersion,
    BuildTime: "",
  };
  const { Version, ...details } = common;
  return {
    Platform: { Name: "rt" },
    Components: [{ Name: "Engine", Version, Details: { ...details, Experimental: "false" } }],
    ...common,
  };
}

export interface InfoParts {
  id: string;
  config: DaemonConfig;
  facts: HostFacts;
  table: ContainerTable;
  images: number;
  listeners: number;
  /** About firewalls of others. */
  firewalls: string[];
}

export async function buildInfo({
  id,
  config,
  facts,
  table,
  images,
  listeners,
  firewalls,
}: InfoParts): Promise<SystemInfo> {
  const entries = table.all();
  const count = (status: string) => entries.filter(({ state }) => state.status === status).length;
  const [running, paused] = [count("running"), count("paused")];
  const [, machine = arch()] = architectures[arch()] ?? [];
  return {
    ID: id,
    Containers: entries.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: entries.length - running - paused,
    Images: images,
    Driver: "overlay2",
    DriverStatus: [],
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "ipvlan", "macvlan", "null"],
      Authorization: [],
      Log: logDrivers,
    },
    MemoryLimit: facts.memoryLimit,
    SwapLimit: facts.swapLimit,
    CpuCfsPeriod: facts.cpuQuota,
    CpuCfsQuota: facts.cpuQuota,
    CPUShares: facts.cpuQuota,
    CPUSet: facts.cpuset,
    PidsLimit: facts.pidsLimit,
    OomKillDisable: facts.oomKillDisable,
    IPv4Forwarding: (await readText("/proc/sys/net/ipv4/ip_forward")).trim() === "1",
    Debug: config.logLevel === "debug",
    NEventsListener: listeners,
    SystemTime: new Date().toISOString(),
    LoggingDriver: config.logConfig.Type ?? "json-file",
    CgroupDriver: "cgroupfs",
    CgroupVersion: facts.cgroupVersion === 2 ? "2" : "1",
    KernelVersion: facts.kernelVersion,
    OperatingSystem: prettyName(await readText("/etc/os-release")),
    OSVersion: "",
    OSType: "linux",
    Architecture: machine,
    NCPU: facts.ncpu,
    MemTotal: facts.memTotal,
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: toRegistryInfo(config),
    DockerRootDir: config.dataRoot,
    HttpProxy: "",
    HttpsProxy: "",
    NoProxy: "",
    Name: hostname(),
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: packageJson.version,
    Runtimes: { rt: { path: "rt" } },
    DefaultRuntime: "rt",
    Swarm: {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: "",
    InitBinary: "rt",
    SecurityOptions: securityOptions(config, facts),
    FirewallBackend: { Driver: "nftables" },
    Warnings: [...warnings(facts, config), ...firewalls.map((warning) => `WARNING: ${warning}`)],
  };
}

function securityOptions(config: DaemonConfig, facts: HostFacts): string[] {
  return [
    ...(facts.appArmor ? ["name=apparmor"] : []),
    ...(facts.seccomp ? [`name=seccomp,profile=${config.seccomp.name}`] : []),
    "name=cgroupns",
    ...(config.noNewPrivileges ? ["name=no-new-privileges"] : []),
  ];
}

function warnings(facts: HostFacts, { seccomp }: DaemonConfig): string[] {
  return [
    ...(facts.memoryLimit ? [] : ["WARNING: No memory limit support"]),
    ...(facts.swapLimit ? [] : ["WARNING: No swap limit support"]),
    ...(facts.seccomp && seccomp.name !== "builtin"
      ? ["WARNING: daemon is not using the default seccomp profile"]
      : []),
    ...(facts.seccomp ? [] : ["WARNING: the kernel has no seccomp: containers must be unconfined"]),
  ];
}

async function readText(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => "");
}

function prettyName(osRelease: string): string {
  return /^PRETTY_NAME="?([^"\n]*)"?/m.exec(osRelease)?.[1] ?? "Linux";
}
