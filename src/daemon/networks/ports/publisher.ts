import type { HostConfig } from "../../../api/types.ts";
import { EngineError, messageOf } from "../../../errors.ts";
import type { Log } from "../../../log.ts";
import type { Native } from "../../../native-types/native.ts";
import type { PortChange, PortPlan, PublishedPort } from "../../../native-types/net.ts";
import { type Container, isRunning } from "../../containers/container.ts";
import type { ContainerTable, Entry } from "../../containers/table.ts";
import type { Endpoint, Network, PortMap } from "../network.ts";
import type { PortExchange } from "../services.ts";
import { applyChanges, type PublishChanges } from "./changes.ts";
import { hintAtHolder } from "./holder.ts";
import { buildPortPlans, keepNumbers, type PortWishes, planDirect, planReturn } from "./plans.ts";
import { findReach } from "./reach.ts";
import { chooseRemoved } from "./removals.ts";
import { toPortMap, toPublished } from "./view.ts";
import { portsDiscarded } from "./warnings.ts";

type Endpoints = Record<string, Endpoint>;

export interface PublisherParts {
  native: Pick<Native, "publish" | "unpublish" | "holdPorts">;
  table: Pick<ContainerTable, "all">;
  networks: { find(name: string): Network | undefined };
  log: Pick<Log, "warn">;
}

/** What an update makes of a container's ports, to be recorded. */
export interface PortUpdate extends PortExchange {
  hostConfig: Pick<HostConfig, "PortBindings" | "PublishAllPorts">;
  warnings: string[];
}

/** Publishes ports of containers at addresses of the host. */
export class Publisher {
  readonly #parts: PublisherParts;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** All ports of a container that is about to start, or none. */
  async publish({ container }: Entry, endpoints: Endpoints): Promise<PortMap> {
    const add = buildPortPlans(wishesOf(container), this.#reach(endpoints));
    if (add.length === 0) return {};
    try {
      const change = { container: container.id, remove: [], add };
      return toPortMap(await this.#parts.native.publish(change));
    } catch (error) {
      const why = `failed to set up container networking: ${describe(container, endpoints)}`;
      throw this.#wrap(why, error, container, add);
    }
  }

  /** Its ports are free once this resolves. */
  async release({ container, state }: Entry): Promise<void> {
    if (!mayPublish(container) && Object.keys(state.ports).length === 0) return;
    await this.#parts.native.unpublish(container.id);
  }

  /** The way out becomes another of `endpoints`: ports follow it, and keep their numbers on the host. */
  async move(entry: Entry, endpoints: Endpoints): Promise<PortExchange> {
    const { container, state } = entry;
    const plans = buildPortPlans(wishesOf(container), this.#reach(endpoints));
    const remove = this.#publishedBy(entry);
    return await this.#exchange(entry, endpoints, { remove, add: keepNumbers(plans, state.ports) });
  }

  /** What a change would come to; throws where it cannot be. */
  #check({ container, state }: Entry, changes: PublishChanges) {
    const warnings = checkNetworkMode(container);
    const ports = isRunning(state) ? state.ports : {};
    const wishes = applyChanges(wishesOf(container), ports, changes, container.name);
    return { wishes, warnings };
  }

  /** Changes what a container publishes: at once while it runs. */
  async change(entry: Entry, changes: PublishChanges): Promise<PortUpdate> {
    const { wishes, warnings } = this.#check(entry, changes);
    const { endpoints, ports } = entry.state;
    const reach = this.#reach(endpoints);
    const direct = planDirect(wishes, reach, this.#publishedBy(entry));
    const removed = toPublished(chooseRemoved(ports, changes.remove), reach);
    const added = buildPortPlans({ bindings: changes.add, exposed: [], all: false }, reach);
    const exchange = await this.#exchange(entry, endpoints, {
      remove: [...removed.filter(({ hostPort }) => hostPort > 0), ...direct.remove],
      add: [...added.filter((plan) => !plan.direct), ...direct.add],
    });
    const hostConfig = { PortBindings: wishes.bindings, PublishAllPorts: wishes.all };
    return { ...exchange, hostConfig, warnings };
  }

  /** All of a change or nothing. */
  async #exchange(
    entry: Entry,
    endpoints: Endpoints,
    { remove, add }: Omit<PortChange, "container">,
  ): Promise<PortExchange> {
    const { container } = entry;
    const before = this.#publishedBy(entry);
    if (remove.length === 0 && add.length === 0)
      return { ports: toPortMap(before), undo: async () => {} };
    const change = { container: container.id, remove, add };
    const published = await this.#parts.native.publish(change).catch((error: unknown) => {
      throw this.#wrap(describe(container, endpoints), error, container, add);
    });
    await this.#withdrawIfEnded(entry);
    const undo = () => this.#putBack(entry, published, before);
    return { ports: toPortMap(published), undo };
  }

  async #putBack(entry: Entry, now: PublishedPort[], before: PublishedPort[]): Promise<void> {
    const { native, log } = this.#parts;
    const { id, name } = entry.container;
    try {
      await this.#withdrawIfEnded(entry);
      if (entry.monitor === undefined) return;
      await native.publish({ container: id, ...planReturn(now, before) });
      await this.#withdrawIfEnded(entry);
    } catch (error) {
      log.warn(`publish ports of ${name} as they were: ${messageOf(error)}`);
    }
  }

  #publishedBy({ state: { ports, endpoints } }: Entry): PublishedPort[] {
    return toPublished(ports, this.#reach(endpoints));
  }

  /** The end of a container waits for no change, and begins with the loss of its monitor. */
  async #withdrawIfEnded({ container, monitor }: Entry): Promise<void> {
    if (monitor === undefined) await this.#parts.native.unpublish(container.id);
  }

  /**
   * After a daemon restart: takes the ports of what runs, which are published as before. Resolves with them,
   * by container.
   */
  async resume(running: readonly Entry[]): Promise<Record<string, PublishedPort[]>> {
    const { native, log } = this.#parts;
    const published: Record<string, PublishedPort[]> = {};
    for (const entry of running) {
      const ports = this.#publishedBy(entry);
      if (ports.length > 0) published[entry.container.id] = ports;
    }
    if (Object.keys(published).length === 0) return published;
    for (const sentence of await native.holdPorts(published)) log.warn(sentence);
    return published;
  }

  #wrap(why: string, cause: unknown, { id }: Container, plans: readonly PortPlan[]): EngineError {
    const known = cause instanceof EngineError ? cause : undefined;
    const others = this.#parts.table.all().filter(({ container }) => container.id !== id);
    const holders = others.map(({ container, state }) => ({
      ...{ name: container.name, ports: state.ports },
    }));
    const hint = known?.hint ?? hintAtHolder(plans, holders);
    const message = `${why}: ${messageOf(cause)}`;
    return new EngineError(known?.code ?? "internal", message, {
      cause,
      ...(hint ? { hint } : {}),
    });
  }

  #reach(endpoints: Endpoints) {
    return findReach(endpoints, (name) => this.#parts.networks.find(name));
  }
}

export function wishesOf({ hostConfig, config }: Container): PortWishes {
  return {
    // Parsed at create.
    bindings: (hostConfig.PortBindings ?? {}) as PortMap,
    exposed: Object.keys(config.ExposedPorts ?? {}),
    all: hostConfig.PublishAllPorts ?? false,
  };
}

function mayPublish(container: Container): boolean {
  const { bindings, all } = wishesOf(container);
  return all || Object.keys(bindings).length > 0;
}

function checkNetworkMode({ hostConfig: { NetworkMode = "" } }: Container): string[] {
  if (NetworkMode.startsWith("container:")) {
    const why = "conflicting options: port publishing and the container type network mode";
    throw new EngineError("invalid_argument", why);
  }
  return NetworkMode === "host" ? [portsDiscarded] : [];
}

/** Docker's words, which scripts look for. */
function describe({ name }: Container, endpoints: Endpoints): string {
  const all = Object.values(endpoints);
  const endpoint = all.find(({ isGateway }) => isGateway.ipv4 || isGateway.ipv6) ?? all[0];
  const place = `${name} (${endpoint?.endpointId ?? ""})`;
  return `driver failed programming external connectivity on endpoint ${place}`;
}
