import type { ContainerCreateRequest, HostConfig } from "../../api/types.ts";
import { EngineError, messageOf } from "../../errors.ts";
import type { PlannedNamespace } from "../../native-types/plan.ts";
import { findAsked } from "./asked.ts";
import { isRunning } from "./container.ts";
import type { Entry } from "./table.ts";

type Lookup = (reference: string) => Entry;

const invalid = (message: string): EngineError => new EngineError("invalid_argument", message);

/** The container that a mode such as "container:web" names; undefined for every other mode. */
export function donorOf(mode: string | undefined): string | undefined {
  return mode?.startsWith("container:") ? mode.slice("container:".length) : undefined;
}

/** Checks the namespace modes of a request, in Docker's words. */
export function checkModes(request: ContainerCreateRequest, host: HostConfig): void {
  check(host.PidMode, ["", "host"], "invalid PID mode");
  check(host.IpcMode, ["", "none", "private", "shareable", "host"], "invalid IPC mode");
  if (!["", "host"].includes(host.UTSMode ?? ""))
    throw invalid(`invalid UTS mode: ${host.UTSMode}`);
  if (!["", "host"].includes(host.UsernsMode ?? ""))
    throw invalid(`invalid user namespace mode: ${host.UsernsMode}`);
  if (!["", "private", "host"].includes(host.CgroupnsMode ?? ""))
    throw invalid(`invalid cgroup namespace mode: ${host.CgroupnsMode}`);
  if (host.UTSMode === "host" && request.Hostname)
    throw invalid("conflicting options: hostname and the UTS mode");
  if (host.UTSMode === "host" && request.Domainname)
    throw invalid("conflicting options: domainname and the UTS mode");
  const network = donorOf(host.NetworkMode);
  if (network === "")
    throw invalid("invalid network mode: invalid container format container:<name|id>");
  if (network !== undefined) checkSharedNetwork(request, host);
}

function check(mode: string | undefined, known: string[], words: string): void {
  if (!known.includes(mode ?? "") && !donorOf(mode)) throw invalid(`${words}: ${mode}`);
}

/** What the donor's network has already decided cannot be asked for again. */
function checkSharedNetwork(request: ContainerCreateRequest, host: HostConfig): void {
  const endpoints = Object.values(request.NetworkingConfig?.EndpointsConfig ?? {});
  const hasMac = Boolean(request.MacAddress) || endpoints.some((each) => each?.MacAddress);
  const conflicts: [boolean, string][] = [
    [Boolean(request.Hostname), "hostname and the network mode"],
    [
      isFilled(host.Links),
      "container type network can't be used with links. This would result in undefined behavior",
    ],
    [isFilled(host.Dns), "dns and the network mode"],
    [isFilled(host.ExtraHosts), "custom host-to-IP mapping and the network mode"],
    [hasMac, "mac-address and the network mode"],
    [
      isFilled(host.PortBindings) || host.PublishAllPorts === true,
      "port publishing and the container type network mode",
    ],
    [isFilled(request.ExposedPorts), "port exposing and the container type network mode"],
  ];
  const found = conflicts.find(([isAsked]) => isAsked);
  if (found) throw invalid(`conflicting options: ${found[1]}`);
}

function isFilled(value: object | undefined | null): boolean {
  return Object.keys(value ?? {}).length > 0;
}

/** Names of other containers become ids: a donor may be renamed. Throws not_found. */
export function resolveDonors(host: HostConfig, lookup: Lookup): HostConfig {
  const resolve = (mode: string): string => {
    const donor = donorOf(mode);
    return donor ? `container:${lookup(donor).container.id}` : mode;
  };
  const resolved = { ...host };
  if (donorOf(host.NetworkMode)) resolved.NetworkMode = resolve(host.NetworkMode ?? "");
  if (donorOf(host.PidMode)) resolved.PidMode = resolve(host.PidMode ?? "");
  if (donorOf(host.IpcMode)) resolved.IpcMode = resolve(host.IpcMode ?? "");
  return resolved;
}

/** The namespaces of a start. Throws conflict where a donor does not run. */
export interface SharedNamespaces {
  network: PlannedNamespace;
  pid: PlannedNamespace;
  ipc: PlannedNamespace;
  uts: PlannedNamespace;
  /** Whose hostname, hosts and resolv.conf count: the one that made the network. */
  networkOwner: Entry | undefined;
}

export function findNamespaces(host: HostConfig, lookup: Lookup): SharedNamespaces {
  const plain = (mode: string | undefined): PlannedNamespace => (mode === "host" ? "host" : "new");
  const network = donorOf(host.NetworkMode);
  const pid = donorOf(host.PidMode);
  const ipc = donorOf(host.IpcMode);
  const ipcDonor = ipc && runningDonor(ipc, lookup);
  if (ipcDonor && ipcDonor.container.hostConfig.IpcMode !== "shareable") {
    throw invalid(
      `container ${ipc}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
  }
  const networkDonor = network ? runningNetwork(getNetworkDonor(network, lookup)) : undefined;
  return {
    network: networkDonor ? join(networkDonor) : plain(host.NetworkMode),
    pid: pid ? join(runningDonor(pid, lookup)) : plain(host.PidMode),
    ipc: ipcDonor ? join(ipcDonor) : plain(host.IpcMode),
    uts: plain(host.UTSMode),
    networkOwner: networkDonor && (findNetworkOwner(networkDonor, lookup) ?? networkDonor),
  };
}

function join({ container, state }: Entry): PlannedNamespace {
  return { join: { id: container.id, pid: state.pid } };
}

function runningDonor(reference: string, lookup: Lookup): Entry {
  const entry = findAsked(() => lookup(reference));
  if (isRunning(entry.state)) return entry;
  throw new EngineError("conflict", `container ${reference} is not running`);
}

/** One that is gone is a fault of the system to Docker: the container that starts is there. */
function getNetworkDonor(reference: string, lookup: Lookup): Entry {
  try {
    return lookup(reference);
  } catch (cause) {
    const why = `joining network namespace of container: ${messageOf(cause)}`;
    throw new EngineError("internal", why, { cause });
  }
}

function runningNetwork(entry: Entry): Entry {
  const { container, state } = entry;
  if (isRunning(state)) return entry;
  throw new EngineError(
    "conflict",
    `cannot join network namespace of a non running container: container ${container.name} is ${state.status}`,
  );
}

/** The container whose network this one shares in the end: a donor may share that of another in its turn. */
export function findNetworkOwner(
  entry: Entry,
  lookup: (reference: string) => Entry | undefined,
): Entry | undefined {
  const next = donorOf(entry.container.hostConfig.NetworkMode);
  const donor = next ? lookup(next) : undefined;
  return donor && (findNetworkOwner(donor, lookup) ?? donor);
}
