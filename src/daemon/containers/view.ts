import type { ContainerInspectResponse, ContainerSummary } from "../../api/types.ts";
import { toSummaryPorts } from "../networks/ports/view.ts";
import type { Container, ContainerState, ContainerStatus, Health } from "./container.ts";
import { commandOf, isRunning } from "./container.ts";
import { fillConfig, fillHostConfig } from "./inspect-defaults.ts";
import { toMountPoints } from "./mount-view.ts";
import {
  type NetworkView,
  toNetworkSettings,
  toNetworkSummaries,
  toPorts,
} from "./network-view.ts";
import type { ContainerPaths } from "./paths.ts";
import { chooseAppArmor } from "./security.ts";

export interface ContainerView extends NetworkView {
  /** What the state is called: also "removing". */
  status: string;
  /** Its own, that of the container whose network it shares, or the host's. */
  hostname: string;
  /** Of its own files, and with its image's; only where they were asked for. */
  size: ContainerSize | undefined;
  paths: ContainerPaths;
  volumePath(name: string): string;
  /** The kernel has AppArmor. */
  appArmor: boolean;
  /** As Docker shows those of the default bridge, "/CHILD:/PARENT/ALIAS". */
  links: string[];
  /** Ids of the execs that run in it. */
  execIds(): string[];
}

export interface ContainerSize {
  own: number;
  all: number;
}

/** Docker's shape of a container, for `inspect`. */
export function toContainerInspect(view: ContainerView): ContainerInspectResponse {
  const { container, state, paths } = view;
  const [path = "", ...args] = commandOf(container.config);
  const execIds = view.execIds();
  const { config, hostConfig } = container;
  return {
    Id: container.id,
    Created: container.createdAt,
    Path: path,
    Args: args,
    State: {
      Status: view.status as ContainerStatus,
      // As Docker: one that is to be restarted counts as running, without a process.
      Running: isRunning(state) || state.status === "restarting",
      Paused: state.status === "paused",
      Restarting: state.status === "restarting",
      OOMKilled: state.oomKilled,
      Dead: state.status === "dead",
      Pid: isRunning(state) ? state.pid : 0,
      ExitCode: state.exitCode,
      Error: state.error,
      StartedAt: state.startedAt,
      FinishedAt: state.finishedAt,
      ...(state.health === null ? {} : { Health: toHealth(state.health) }),
    },
    Image: container.imageId,
    ResolvConfPath: paths.resolvConf,
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    LogPath: hostConfig.LogConfig?.Type === "json-file" ? paths.log : "",
    Name: `/${container.name}`,
    RestartCount: state.restartCount,
    Driver: "overlay2",
    Platform: container.platform.os,
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: chooseAppArmor(hostConfig, view),
    ExecIDs: execIds.length > 0 ? execIds : null,
    HostConfig: fillHostConfig(
      view.links.length > 0 ? { ...hostConfig, Links: view.links } : hostConfig,
    ),
    ...toSizes(view.size),
    GraphDriver: { Name: "overlay2", Data: { UpperDir: paths.upper, WorkDir: paths.work } },
    Mounts: toMountPoints(container, view.volumePath),
    Config: fillConfig({
      ...config,
      Hostname: view.hostname,
      ...toMacAddress(container),
    }),
    NetworkSettings: toNetworkSettings(view),
  };
}

/** Where clients of API 1.43 and earlier look for it. */
function toMacAddress({ attachments, hostConfig }: Container) {
  const mac = attachments[hostConfig.NetworkMode ?? ""]?.macAddress;
  return mac ? { MacAddress: mac } : {};
}

function toSizes(size: ContainerSize | undefined) {
  return size === undefined ? {} : { SizeRw: size.own, SizeRootFs: size.all };
}

type WireHealth = NonNullable<NonNullable<ContainerInspectResponse["State"]>["Health"]>;
type WireResults = NonNullable<WireHealth["Log"]>;

function toHealth({ status, failingStreak, log }: Health): WireHealth {
  const results = log.map(({ start, end, exitCode, output }) => ({
    ...{ Start: start, End: end, ExitCode: exitCode, Output: output },
  }));
  // The type has dates, the wire has their text.
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: results as unknown as WireResults,
  };
}

/** A row of `ps`. */
export function toContainerSummary(view: ContainerView, now: number): ContainerSummary {
  const { container, state } = view;
  const { NetworkMode: mode = "bridge", Annotations } = container.hostConfig;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: container.image,
    ImageID: container.imageId,
    Command: commandOf(container.config).map(quoteArgument).join(" "),
    Created: Math.floor(Date.parse(container.createdAt) / 1000),
    Ports: toSummaryPorts(toPorts(view)),
    Labels: container.config.Labels ?? {},
    State: view.status as ContainerStatus,
    Status: view.status === "removing" ? "Removal In Progress" : statusText(state, now),
    ...toSizes(view.size),
    Health: {
      Status: state.health?.status ?? "none",
      FailingStreak: state.health?.failingStreak ?? 0,
    },
    HostConfig: { NetworkMode: mode, ...(Annotations === undefined ? {} : { Annotations }) },
    NetworkSettings: {
      Networks: toNetworkSummaries(view),
    },
    Mounts: toMountPoints(container, view.volumePath),
  };
}

/** As Docker: an argument with spaces is quoted. */
function quoteArgument(argument: string): string {
  return /\s/.test(argument) ? `'${argument}'` : argument;
}

function healthText(health: Health | null): string {
  if (health === null) return "";
  return health.status === "starting" ? " (health: starting)" : ` (${health.status})`;
}

function statusText(state: ContainerState, now: number): string {
  const up = `Up ${humanDuration(now - Date.parse(state.startedAt))}`;
  if (state.status === "paused") return `${up} (Paused)`;
  if (state.status === "running") return `${up}${healthText(state.health)}`;
  if (state.status === "created") return "Created";
  if (state.status === "dead") return "Dead";
  const word = state.status === "restarting" ? "Restarting" : "Exited";
  return `${word} (${state.exitCode}) ${humanDuration(now - Date.parse(state.finishedAt))} ago`;
}

/** "Less than a second", "4 seconds", "About a minute", "3 weeks": Docker's words for milliseconds. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}
