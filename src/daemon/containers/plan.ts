import type {
  ContainerPlan,
  LaunchRequest,
  PlannedDevice,
  PlannedResources,
} from "../../native-types/plan.ts";
import type { Placement } from "../networks/attacher.ts";
import type { StartNames } from "../networks/names/service.ts";
import { capabilityMask, chooseCapabilities } from "./capabilities.ts";
import { cgroupName } from "./cgroups.ts";
import type { Container } from "./container.ts";
import { commandOf } from "./container.ts";
import { defaultPath, defaultShmSize, networkSysctls, readonlyPaths } from "./defaults.ts";
import { parseDeviceRules } from "./devices.ts";
import { type Hostnames, hostnamesOf } from "./hostnames.ts";
import { buildLogAttributes, parseLogConfig } from "./log-options.ts";
import { buildEnvironment } from "./merge.ts";
import type { SharedNamespaces } from "./modes.ts";
import { type ContainerPaths, logPath } from "./paths.ts";
import { type MountSources, planMounts } from "./plan-mounts.ts";
import { parseRlimits } from "./resources.ts";
import { planSeccomp, type SeccompDefault } from "./seccomp.ts";
import { parseSecurityOptions, planAppArmor } from "./security.ts";
import { parseSysctls } from "./sysctls.ts";

/** What a plan is made of beside the container itself; all of it found before anything is done. */
export interface PlanInputs {
  container: Container;
  paths: ContainerPaths;
  /** Layer directories, topmost first. */
  lower: string[];
  sources: MountSources;
  resources: PlannedResources;
  devices: PlannedDevice[];
  namespaces: Pick<SharedNamespaces, "network" | "pid" | "ipc" | "uts">;
  /** The container whose network this one shares: its names and its files in /etc count. */
  networkOwner: { container: Container; paths: ContainerPaths } | undefined;
  /** The container's own places in networks; none where it shares another one's. */
  placement: Placement;
  /** Null: it has none of its own. */
  names: StartNames | null;
  cgroupParent: string | null;
  posture: Posture;
  /** Terminal size that a client has announced. */
  console: { rows: number; columns: number };
}

/** What every container gets that does not say otherwise. */
export interface Posture {
  noNewPrivileges: boolean;
  seccomp: SeccompDefault;
  maskedPaths: readonly string[];
  /** All that can be given: the daemon's own. */
  capabilities: ReadonlySet<string>;
  /** The kernel has AppArmor. */
  appArmor: boolean;
}

/** Decides everything about a start. Pure; throws only `invalid_argument` and `not_implemented`. */
export function buildLaunch(inputs: PlanInputs): LaunchRequest {
  const { paths } = inputs;
  const hostnames = hostnamesOf(inputs.networkOwner?.container ?? inputs.container);
  return {
    plan: buildPlan(inputs, hostnames),
    endpoints: inputs.placement.plans,
    directories: [
      { path: paths.data, mode: 0o710 },
      { path: paths.upper, mode: 0o755 },
      { path: paths.work, mode: 0o700 },
      { path: paths.run, mode: 0o700 },
      ...(inputs.container.hostConfig.LogConfig?.Type === "local"
        ? [{ path: paths.localLogs, mode: 0o710 }]
        : []),
    ],
    files: buildFiles(inputs, hostnames),
  };
}

function buildFiles({ paths, names }: PlanInputs, { hostname }: Hostnames): LaunchRequest["files"] {
  // Else it has those of the container whose network it shares.
  if (names === null) return [];
  return [
    { path: paths.hosts, content: names.hosts },
    { path: paths.hostname, content: `${hostname}\n` },
    { path: paths.resolvConf, content: names.resolvConf },
    ...(names.resolver === null ? [] : [{ path: paths.names, content: names.resolver }]),
  ];
}

function buildPlan(inputs: PlanInputs, { hostname, domainname }: Hostnames): ContainerPlan {
  const { container, paths } = inputs;
  const { hostConfig: host } = container;
  const privileged = host.Privileged ?? false;
  const { network, pid, ipc, uts } = inputs.namespaces;
  return {
    id: container.id,
    runDir: paths.run,
    exitPath: paths.exitRecord,
    log: planLog(container, paths),
    rootfs: {
      lower: inputs.lower,
      upper: paths.upper,
      work: paths.work,
      readonly: host.ReadonlyRootfs ?? false,
    },
    mounts: planMounts(container, inputs.networkOwner?.paths ?? paths, inputs.sources),
    process: planProcess(
      container,
      inputs.posture,
      inputs.console,
      hostname,
      inputs.names?.environment,
    ),
    init: host.Init ?? false,
    hostname: host.UTSMode === "host" ? "" : hostname,
    domainname,
    hasNames: inputs.names?.resolver != null,
    namespaces: {
      ...{ network, pid, ipc, uts },
      cgroup: host.CgroupnsMode === "host" ? "host" : "new",
    },
    cgroup: {
      parent: host.CgroupParent || inputs.cgroupParent,
      name: cgroupName(container.id),
      resources: inputs.resources,
    },
    privileged,
    writableCgroups: parseSecurityOptions(host.SecurityOpt ?? []).writableCgroups ?? privileged,
    maskedPaths: host.MaskedPaths ?? (privileged ? [] : [...inputs.posture.maskedPaths]),
    readonlyPaths: host.ReadonlyPaths ?? (privileged ? [] : [...readonlyPaths]),
    sysctls: { ...(network === "new" ? networkSysctls : {}), ...parseSysctls(host) },
    shmSize: host.IpcMode === "none" ? 0 : host.ShmSize || defaultShmSize,
    devices: inputs.devices,
    deviceRules: parseDeviceRules(host),
  };
}

function planLog(container: Container, paths: ContainerPaths): ContainerPlan["log"] {
  const { id, name, image, imageId, config } = container;
  const log = container.hostConfig.LogConfig ?? {};
  const settings = parseLogConfig(log);
  if (settings === null) return null;
  const subject = { id, name, image, imageId, command: commandOf(config) };
  const attrs = buildLogAttributes(log.Config ?? {}, {
    ...subject,
    env: config.Env ?? [],
    labels: config.Labels ?? {},
  });
  return { ...settings, path: logPath(paths, log.Type), attrs };
}

/** The container's first process; an exec is much the same. */
export function planProcess(
  { config, hostConfig: host }: Container,
  posture: Posture,
  console: PlanInputs["console"],
  hostname: string,
  linked: string[] = [],
): ContainerPlan["process"] {
  const tty = config.Tty ?? false;
  const defaults = [defaultPath, `HOSTNAME=${hostname}`, ...(tty ? ["TERM=xterm"] : []), ...linked];
  return {
    argv: commandOf(config),
    env: buildEnvironment(defaults, config.Env ?? []),
    cwd: config.WorkingDir || "/",
    user: config.User ?? "",
    groups: host.GroupAdd ?? [],
    tty,
    rows: console.rows,
    cols: console.columns,
    openStdin: config.OpenStdin ?? false,
    stdinOnce: config.StdinOnce ?? false,
    capabilities: capabilityMask(
      chooseCapabilities(host.CapAdd ?? [], host.CapDrop ?? [], host.Privileged ?? false),
    ),
    noNewPrivileges:
      parseSecurityOptions(host.SecurityOpt ?? []).noNewPrivileges ?? posture.noNewPrivileges,
    seccomp: planSeccomp(host, posture.seccomp),
    appArmor: planAppArmor(host, posture),
    oomScoreAdj: host.OomScoreAdj ?? 0,
    rlimits: parseRlimits(host),
  };
}
