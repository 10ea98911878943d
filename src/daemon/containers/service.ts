import type { ContainerCreateRequest, HostConfig } from "../../api/types.ts";
import { EngineError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { HostFacts, Native } from "../../native-types/native.ts";
import { formatPlatform, hostPlatform, matchPlatform, type Platform } from "../../oci/platform.ts";
import type { EventBus } from "../events/bus.ts";
import type { StoredImage } from "../images/image.ts";
import type { Attacher } from "../networks/attacher.ts";
import { type FirewallFinder, warnOfFirewalls } from "../networks/firewalls.ts";
import { parseLinkName, resolveLinks, withoutLink } from "../networks/names/legacy-links.ts";
import { parseBindings } from "../networks/ports/port.ts";
import { warnOfPorts } from "../networks/ports/warnings.ts";
import type { NetworkSource } from "../networks/services.ts";
import { findAsked } from "./asked.ts";
import { parseNetworks } from "./attachments/request.ts";
import { checkCapabilities } from "./capabilities.ts";
import { type Container, commandOf, initialState, isRunning, nowRfc3339 } from "./container.ts";
import { defaultShmSize, readonlyPaths } from "./defaults.ts";
import { parseDeviceRules } from "./devices.ts";
import { eventAttributes } from "./events.ts";
import { checkHealthAction } from "./health-action.ts";
import { checkHealthcheck } from "./health-state.ts";
import { discardLimits } from "./limits.ts";
import { type LogConfig, mergeLogConfig, parseLogConfig } from "./log-options.ts";
import { mergeConfig } from "./merge.ts";
import { checkModes, resolveDonors } from "./modes.ts";
import type { MountPreparer } from "./mount-preparer.ts";
import { newId, parseContainerName, randomName } from "./names.ts";
import type { ContainerPaths } from "./paths.ts";
import type { Posture } from "./plan.ts";
import { choosePruned, type PruneReport } from "./prune.ts";
import { parseResources, parseRlimits } from "./resources.ts";
import { parseRestartPolicy } from "./restart-policy.ts";
import type { Restarter } from "./restarter.ts";
import { planSeccomp } from "./seccomp.ts";
import { checkAppArmor } from "./security.ts";
import { checkSettings } from "./settings.ts";
import { parseSignal } from "./signals.ts";
import type { Stopper } from "./stopper.ts";
import type { Supervisor } from "./supervisor.ts";
import { parseSysctls } from "./sysctls.ts";
import { type ContainerTable, type Entry, inTurn } from "./table.ts";
import type { Trash } from "./trash.ts";

export interface ContainerParts {
  execs: { forget(containerId: string): void };
  native: Pick<Native, "treeSize" | "checkSeccomp"> & FirewallFinder;
  trash: Trash;
  facts: HostFacts;
  table: ContainerTable;
  supervisor: Pick<Supervisor, "paths">;
  stopper: Pick<Stopper, "end">;
  restarter: Pick<Restarter, "reconsider">;
  images: { get(name: string): StoredImage; hold(image: StoredImage): Disposable };
  networks: NetworkSource;
  attacher: Pick<Attacher, "updateNames">;
  mounts: MountPreparer;
  events: EventBus;
  log: Log;
  /** For containers that do not say where their output goes. */
  logConfig: LogConfig;
  posture: Posture;
}

export interface CreateOptions {
  name: string;
  platform: Platform | undefined;
}

const runtimes = ["", "rt", "runc", "io.containerd.runc.v2"];

/** Creates and removes containers; starting and following them is the supervisor's. */
export class ContainerService {
  readonly #parts: ContainerParts;
  #isPruning = false;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
  }

  async create(
    request: ContainerCreateRequest,
    options: CreateOptions,
  ): Promise<{ entry: Entry; warnings: string[] }> {
    const { images, table, events } = this.#parts;
    const name = options.name === "" ? undefined : parseContainerName(options.name);
    this.#refuseTakenName(name);
    if (!request.Image)
      throw new EngineError("invalid_argument", 'invalid request body: field "Image" is empty');
    const image = images.get(request.Image);
    using _image = images.hold(image);
    const warnings = checkPlatform(image, options.platform);
    const config = mergeConfig(request, image.config);
    if (commandOf(config).length === 0)
      throw new EngineError("invalid_argument", "no command specified");
    const { hostConfig, attachments } = this.#settleHost(request, warnings);
    this.#validate(request, hostConfig);
    checkHealthAction(hostConfig, config);
    // An image's, too: without it the container could not be stopped.
    if (config.StopSignal) parseSignal(config.StopSignal);
    warnings.push(...(await this.#warnOfFirewalls(hostConfig, attachments)));
    const prepared = await this.#parts.mounts.prepare(hostConfig, config, image);
    // Again, since preparing took time: the database would refuse the second of two equal names.
    if (name !== undefined && table.ownerOf(name) !== undefined) await prepared.discard();
    this.#refuseTakenName(name);
    const { mounts } = prepared;
    const container: Container = {
      id: newId(),
      name: name ?? randomName((candidate) => table.ownerOf(candidate) !== undefined),
      createdAt: nowRfc3339(),
      image: request.Image,
      imageId: image.id,
      platform: image.platform,
      config,
      hostConfig,
      mounts,
      attachments,
    };
    const entry = table.insert(container, initialState());
    prepared.release();
    const [rows = 0, columns = 0] = hostConfig.ConsoleSize ?? [];
    entry.console = { rows, columns };
    events.publish("container", "create", container.id, eventAttributes(container));
    return { entry, warnings };
  }

  /** Where the container publishes ports: what may keep packets from them. */
  async #warnOfFirewalls(
    host: HostConfig,
    attachments: Container["attachments"],
  ): Promise<string[]> {
    if (!host.PublishAllPorts && Object.keys(host.PortBindings ?? {}).length === 0) return [];
    const { native, networks, log } = this.#parts;
    const own = Object.keys(attachments).map((name) => networks.get(name));
    const warnings = await warnOfFirewalls(native, own);
    for (const warning of warnings) log.warn(warning);
    return warnings;
  }

  /** The host settings as they are recorded: names resolved, defaults set, impossible limits dropped. */
  #settleHost(
    request: ContainerCreateRequest,
    warnings: string[],
  ): { hostConfig: HostConfig; attachments: Container["attachments"] } {
    const { table, facts, networks } = this.#parts;
    const asked = request.HostConfig ?? {};
    checkModes(request, asked);
    const possible = discardLimits(asked, facts);
    warnings.push(...possible.warnings);
    const lookup = (id: string): Entry => findAsked(() => table.get(id));
    const resolved = resolveLinks(resolveDonors(possible.host, lookup), lookup);
    const { mode, attachments } = parseNetworks({ ...request, HostConfig: resolved }, networks);
    const own = Object.keys(attachments).map((name) => networks.get(name));
    const bindings = parseBindings(asked.PortBindings);
    warnings.push(...warnOfPorts(mode, bindings, own));
    const settled = { ...resolved, PortBindings: bindings };
    return { hostConfig: normalizeHost(settled, mode, this.#parts), attachments };
  }

  #refuseTakenName(name: string | undefined): void {
    const owner = name === undefined ? undefined : this.#parts.table.ownerOf(name);
    if (owner === undefined) return;
    throw new EngineError(
      "conflict",
      `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
  }

  /** Everything that a start would refuse is refused here. */
  #validate(request: ContainerCreateRequest, host: HostConfig): void {
    parseResources(host, this.#parts.facts);
    parseDeviceRules(host);
    parseRlimits(host);
    parseSysctls(host);
    parseLogConfig(host.LogConfig ?? {});
    checkAppArmor(host, this.#parts.posture);
    const seccomp = planSeccomp(host, this.#parts.posture.seccomp);
    if (seccomp !== null) this.#parts.native.checkSeccomp(seccomp);
    const named = [...(host.CapAdd ?? []), ...(host.CapDrop ?? [])];
    if (!host.Privileged) checkCapabilities(named, this.#parts.posture.capabilities);
    if (!runtimes.includes(host.Runtime ?? "")) {
      throw new EngineError("invalid_argument", `unknown or invalid runtime name: ${host.Runtime}`);
    }
    checkSettings(request, host);
    parseRestartPolicy(host.RestartPolicy);
    checkHealthcheck(request.Healthcheck);
    if (host.AutoRemove && host.RestartPolicy?.Name && host.RestartPolicy.Name !== "no") {
      throw new EngineError(
        "invalid_argument",
        "can't create 'AutoRemove' container with restart policy",
      );
    }
  }

  /** Removes a container that does not run, or by force one that does. */
  async remove(entry: Entry, options: { force: boolean; volumes: boolean }): Promise<void> {
    const { supervisor, stopper } = this.#parts;
    if (entry.isRemoving) {
      throw new EngineError(
        "conflict",
        `removal of container ${entry.container.id} is already in progress`,
      );
    }
    if (!options.force) refuseRunning(entry);
    entry.isRemoving = true;
    try {
      await inTurn(entry, async () => {
        await stopper.end(entry);
        await this.#erase(entry, options.volumes, supervisor.paths(entry));
      });
    } catch (error) {
      entry.isRemoving = false;
      throw error;
    }
  }

  /** Takes a link of Docker's old ones away, "PARENT/ALIAS", from the parent's next start on. */
  unlink(name: string): void {
    const { table } = this.#parts;
    const { parent, alias } = parseLinkName(name);
    const entry = table.find(table.ownerOf(parent) ?? "");
    if (entry === undefined)
      throw new EngineError(
        "not_found",
        `Cannot get parent /${parent} for link name /${parent}/${alias}`,
      );
    const { container } = entry;
    const hostConfig = withoutLink(container.hostConfig, alias);
    table.saveContainer(entry, { ...container, hostConfig });
  }

  /** Gives a container another name, which its users hear of by an event. */
  async rename(entry: Entry, asked: string): Promise<void> {
    const { table, events, attacher } = this.#parts;
    if (asked === "")
      throw new EngineError("invalid_argument", "Neither old nor new names may be empty");
    const name = parseContainerName(asked);
    const { container } = entry;
    if (name === container.name) {
      throw new EngineError(
        "invalid_argument",
        "Renaming a container with the same name as its current name",
      );
    }
    this.#refuseTakenName(name);
    table.saveContainer(entry, { ...container, name });
    const attributes = { ...eventAttributes(entry.container), oldName: `/${container.name}` };
    events.publish("container", "rename", container.id, attributes);
    await attacher.updateNames(entry.state.endpoints);
  }

  /** Removes what does not run. Space is that of the containers' own files. */
  async prune(filters: Map<string, string[]>): Promise<PruneReport> {
    if (this.#isPruning) throw new EngineError("conflict", "a prune operation is already running");
    this.#isPruning = true;
    try {
      return await this.#prune(filters);
    } finally {
      this.#isPruning = false;
    }
  }

  async #prune(filters: Map<string, string[]>): Promise<PruneReport> {
    const { table, log, supervisor, native } = this.#parts;
    const report: PruneReport = { ContainersDeleted: [], SpaceReclaimed: 0 };
    for (const entry of choosePruned(table.all(), filters, Date.now())) {
      const size = await native.treeSize(supervisor.paths(entry).upper);
      try {
        await this.remove(entry, { force: false, volumes: false });
      } catch (error) {
        log.warn(`prune container ${entry.container.name}: ${messageOf(error)}`);
        continue;
      }
      report.ContainersDeleted.push(entry.container.id);
      report.SpaceReclaimed += size;
    }
    return report;
  }

  /** `--rm`, done by the engine so that it happens without a client too. */
  removeIfAsked(entry: Entry): void {
    if (!entry.container.hostConfig.AutoRemove || entry.isRemoving || entry.holds > 0) return;
    void this.remove(entry, { force: false, volumes: true }).catch((error: unknown) => {
      this.#parts.log.error(`remove container ${entry.container.id}:`, error);
    });
  }

  /**
   * The files are moved out of sight in one step and removed behind the answer. The record goes after
   * that: what a killed daemon leaves can be removed again, or is trash that the next one empties.
   */
  async #erase(entry: Entry, withVolumes: boolean, paths: ContainerPaths): Promise<void> {
    const { trash, table, mounts, events } = this.#parts;
    await trash.take(paths.data);
    await trash.take(paths.run);
    table.remove(entry);
    this.#parts.execs.forget(entry.container.id);
    if (withVolumes) await mounts.removeAnonymous(entry.container);
    for (const pending of entry.pending.splice(0)) pending.cancel();
    events.publish("container", "destroy", entry.container.id, eventAttributes(entry.container));
    entry.removed.settle(entry.state);
    // There will be no next exit.
    entry.nextExit.settle(entry.state);
  }
}

function refuseRunning({ container, state: { status } }: Entry): void {
  if (!isRunning({ status }) && status !== "restarting") return;
  const first = status === "paused" ? "unpause and then " : "";
  throw new EngineError(
    "conflict",
    `cannot remove container "/${container.name}": container is ${status}: ${first}stop the container before removing or force remove`,
  );
}

function normalizeHost(
  { PidsLimit, ...host }: HostConfig,
  networkMode: string,
  { logConfig, posture }: Pick<ContainerParts, "logConfig" | "posture">,
): HostConfig {
  return {
    ...host,
    NetworkMode: networkMode,
    IpcMode: host.IpcMode || "private",
    CgroupnsMode: host.CgroupnsMode || "private",
    // As Docker: as much swap as memory.
    ...(host.Memory && !host.MemorySwap ? { MemorySwap: host.Memory * 2 } : {}),
    // Clients say 0 or less where there is to be none.
    ...(PidsLimit && PidsLimit > 0 ? { PidsLimit } : {}),
    ShmSize: host.ShmSize || defaultShmSize,
    ...settlePaths(host, posture),
    LogConfig: mergeLogConfig(host.LogConfig, logConfig),
    RestartPolicy: parseRestartPolicy(host.RestartPolicy),
    Runtime: host.Runtime || "rt",
  };
}

/** What is hidden and what cannot be written is settled with the container: none for a privileged one. */
function settlePaths(host: HostConfig, { maskedPaths }: Posture): HostConfig {
  if (host.Privileged) return {};
  return {
    MaskedPaths: host.MaskedPaths ?? [...maskedPaths],
    ReadonlyPaths: host.ReadonlyPaths ?? [...readonlyPaths],
  };
}

function checkPlatform(image: StoredImage, asked: Platform | undefined): string[] {
  const have = formatPlatform(image.platform);
  if (asked !== undefined) {
    if (matchPlatform(image.platform, asked) !== undefined) return [];
    throw new EngineError(
      "not_found",
      `image was found but its platform (${have}) does not match the specified platform (${formatPlatform(asked)})`,
    );
  }
  const host = hostPlatform();
  if (matchPlatform(image.platform, host) !== undefined) return [];
  return [
    `The requested image's platform (${have}) does not match the detected host platform (${formatPlatform(host)}) and no specific platform was requested`,
  ];
}
