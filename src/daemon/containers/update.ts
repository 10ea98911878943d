import type { HostConfig } from "../../api/types.ts";
import { EngineError, messageOf } from "../../errors.ts";
import type { HostFacts, Native } from "../../native-types/native.ts";
import type { EventBus } from "../events/bus.ts";
import type { PublishChanges } from "../networks/ports/changes.ts";
import type { PortUpdate } from "../networks/ports/publisher.ts";
import { cgroupName } from "./cgroups.ts";
import { isRunning } from "./container.ts";
import { findBlockLimits } from "./devices.ts";
import { eventAttributes } from "./events.ts";
import { discardLimits } from "./limits.ts";
import type { ContainerUpdate } from "./request.ts";
import { parseResources } from "./resources.ts";
import { type ContainerTable, type Entry, inTurn } from "./table.ts";

/** The limits that an update changes, as Docker's does; 0 and "" leave one as it is. */
const changeable = [
  "BlkioWeight",
  "CpuPeriod",
  "CpuQuota",
  "CpuRealtimePeriod",
  "CpuRealtimeRuntime",
  "CpuShares",
  "CpusetCpus",
  "CpusetMems",
  "Memory",
  "MemoryReservation",
  "MemorySwap",
  "NanoCpus",
] as const;

export interface UpdaterParts {
  native: Pick<Native, "updateResources">;
  facts: HostFacts;
  table: Pick<ContainerTable, "save">;
  restarter: { reconsider(entry: Entry): void };
  ports: {
    change(entry: Entry, changes: PublishChanges): Promise<PortUpdate>;
  };
  events: EventBus;
  cgroupParent: string | null;
}

/** Changes the limits, the restart policy and the published ports of containers, running or not. */
export class Updater {
  readonly #parts: UpdaterParts;

  constructor(parts: UpdaterParts) {
    this.#parts = parts;
  }

  /**
   * Resolves with warnings. First the ports, which can be put back if limits are refused; the record changes once
   * the kernel has taken both.
   */
  update(entry: Entry, asked: ContainerUpdate): Promise<string[]> {
    const { facts, restarter, events } = this.#parts;
    const { host: changes, warnings } = discardLimits(asked.host, facts);
    checkAlone(changes, facts);
    return inTurn(entry, async () => {
      const { container } = entry;
      if (entry.isRemoving)
        throw cannot(entry, 'container is marked for removal and cannot be "update"');
      const hostConfig = mergeLimits(container.hostConfig, changes, (why) => cannot(entry, why));
      const ports = await this.#exchangePorts(entry, asked.ports);
      try {
        if (hasLimits(changes)) await this.#apply(entry, hostConfig, changes);
        this.#record(entry, hostConfig, ports);
      } catch (error) {
        await ports?.undo();
        throw error;
      }
      warnings.push(...(ports?.warnings ?? []));
      if (changes.RestartPolicy?.Name) restarter.reconsider(entry);
      events.publish("container", "update", container.id, eventAttributes(container));
      return warnings;
    });
  }

  async #exchangePorts(entry: Entry, changes: PublishChanges | undefined) {
    if (changes === undefined) return undefined;
    const changed = this.#parts.ports.change(entry, changes);
    return await changed.catch((error: unknown) => throwOn(entry, error));
  }

  #record(entry: Entry, hostConfig: HostConfig, ports: PortUpdate | undefined): void {
    const container = {
      ...entry.container,
      hostConfig: { ...hostConfig, ...ports?.hostConfig },
    };
    // One that has ended meanwhile publishes nothing.
    const isPublishing = ports !== undefined && isRunning(entry.state);
    const state = isPublishing ? { ...entry.state, ports: ports.ports } : entry.state;
    this.#parts.table.save(entry, container, state);
  }

  async #apply(entry: Entry, host: HostConfig, changes: HostConfig): Promise<void> {
    const { native, facts, cgroupParent } = this.#parts;
    const { id } = entry.container;
    const planned = { ...parseResources(host, facts), ...(await findBlockLimits(host)) };
    // In a new cgroup no limit need be written; here it takes the place of one.
    const unlimited = changes.PidsLimit === undefined || planned.pidsLimit ? {} : { pidsLimit: -1 };
    if (!isRunning(entry.state)) return;
    const resources = { ...planned, ...unlimited };
    const parent = host.CgroupParent || cgroupParent;
    try {
      await native.updateResources({ parent, name: cgroupName(id), resources });
    } catch (error) {
      throw cannot(entry, messageOf(error), error);
    }
  }
}

/** The changes as if they were all: a limit that makes no sense by itself is refused as in a create. */
function checkAlone(changes: HostConfig, facts: HostFacts): void {
  const { MemorySwap: swap = 0, Memory: memory = 0, ...rest } = changes;
  const both = swap !== 0 && memory !== 0 ? { MemorySwap: swap } : {};
  parseResources({ ...rest, Memory: memory, ...both }, facts);
}

function hasLimits(changes: HostConfig): boolean {
  return changes.PidsLimit != null || changeable.some((field) => changes[field]);
}

/** What the container has, with the changes. Docker refuses those that do not go with what is there. */
export function mergeLimits(
  have: HostConfig,
  changes: HostConfig,
  refuse: (why: string) => EngineError,
): HostConfig {
  const nano = "Nano CPUs cannot be updated as";
  if (changes.NanoCpus && have.CpuPeriod)
    throw refuse(`Conflicting options: ${nano} CPU Period has already been set`);
  if (changes.NanoCpus && have.CpuQuota)
    throw refuse(`Conflicting options: ${nano} CPU Quota has already been set`);
  const taken = "cannot be updated as NanoCPUs has already been set";
  if (changes.CpuPeriod && have.NanoCpus) throw refuse(`Conflicting options: CPU Period ${taken}`);
  if (changes.CpuQuota && have.NanoCpus) throw refuse(`Conflicting options: CPU Quota ${taken}`);
  const { Memory: memory = 0, MemorySwap: swap = 0 } = changes;
  const before = have.MemorySwap ?? 0;
  if (memory > 0 && swap === 0 && before >= 0 && memory > before) {
    throw refuse(
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    );
  }
  const policy = changes.RestartPolicy;
  if (have.AutoRemove && policy?.Name && policy.Name !== "no")
    throw refuse(
      "Restart policy cannot be updated because AutoRemove is enabled for the container",
    );
  const limits = changeable.filter((field) => changes[field]);
  return {
    ...have,
    ...Object.fromEntries(limits.map((field) => [field, changes[field]])),
    // As Docker: 0 and what is below it are no limit.
    ...(changes.PidsLimit == null ? {} : { PidsLimit: Math.max(changes.PidsLimit, 0) }),
    ...(policy?.Name ? { RestartPolicy: policy } : {}),
  };
}

function throwOn(entry: Entry, error: unknown): never {
  throw cannot(entry, messageOf(error), error);
}

function cannot(entry: Entry, why: string, cause?: unknown): EngineError {
  const { code, hint } = cause instanceof EngineError ? cause : ({ code: "conflict" } as const);
  const message = `Cannot update container ${entry.container.id}: ${why}`;
  return new EngineError(code, message, { cause, ...(hint ? { hint } : {}) });
}
