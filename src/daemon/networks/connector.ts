import type { EndpointSettings } from "../../api/types.ts";
import { EngineError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { refuseConflict } from "../containers/attachments/conflicts.ts";
import { refuseEqualInterfaces } from "../containers/attachments/request.ts";
import { parseAttachment } from "../containers/attachments/settings.ts";
import { type Container, isRunning } from "../containers/container.ts";
import { type ContainerTable, type Entry, inTurn } from "../containers/table.ts";
import type { LiveNetworks } from "./live.ts";
import type { Attachment, Network } from "./network.ts";
import type { NetworkSource } from "./services.ts";

export interface ConnectorParts {
  table: ContainerTable;
  networks: NetworkSource;
  live: LiveNetworks;
  log: Pick<Log, "warn">;
}

/** Changes the networks of containers: of those that run at once, of others for their next start. */
export class Connector {
  readonly #parts: ConnectorParts;

  constructor(parts: ConnectorParts) {
    this.#parts = parts;
  }

  /** Gives a container a place in one more network. */
  async connect(reference: string, container: string, settings: EndpointSettings): Promise<void> {
    const entry = this.#parts.table.get(container);
    await inTurn(entry, async () => {
      refuseRemoving(entry);
      const network = this.#parts.networks.get(reference);
      const attachment = this.#check(entry, network, settings);
      if (isRunning(entry.state)) await this.#parts.live.join(entry, network, attachment);
      // As Docker: what was asked for first stays.
      else this.#record(entry, { [network.name]: attachment, ...entry.container.attachments });
    });
  }

  /** Takes a container out of a network; `force` also out of one that is gone. */
  async disconnect(reference: string, container: string, force: boolean): Promise<void> {
    const entry = this.#find(reference, container, force);
    await inTurn(entry, async () => {
      refuseRemoving(entry);
      const network = this.#parts.networks.find(reference);
      const name = network?.name ?? reference;
      if (!isRunning(entry.state) || (network === undefined && force)) this.#forget(entry, name);
      else await this.#leave(entry, this.#parts.networks.get(reference));
    });
  }

  /** Ends what a daemon before this one has begun. */
  async settle(entry: Entry): Promise<void> {
    for (const [name, { isUnsettled }] of Object.entries(entry.state.endpoints)) {
      if (!isUnsettled) continue;
      await this.#parts.live.leave(entry, name).catch((error: unknown) => {
        const { id } = entry.container;
        this.#parts.log.warn(`take container ${id} out of network ${name}: ${messageOf(error)}`);
      });
    }
  }

  #find(reference: string, container: string, force: boolean): Entry {
    try {
      return this.#parts.table.get(container);
    } catch (error) {
      if (!force) throw error;
      this.#parts.networks.get(reference);
      throw new EngineError("not_found", `endpoint ${container} not found`);
    }
  }

  #check(entry: Entry, network: Network, settings: EndpointSettings): Attachment {
    const { attachments, hostConfig, name } = entry.container;
    const attachment = parseAttachment(settings, network);
    const { [network.name]: _same, ...others } = attachments;
    const present = Object.keys(others).flatMap((each) => this.#parts.networks.find(each) ?? []);
    refuseConflict(hostConfig.NetworkMode ?? "", present, network);
    if (Object.hasOwn(attachments, network.name) && isRunning(entry.state)) {
      throw new EngineError(
        "forbidden",
        `endpoint with name ${name} already exists in network ${network.name}`,
      );
    }
    refuseEqualInterfaces([...Object.values(others), attachment]);
    return attachment;
  }

  async #leave(entry: Entry, { name, driver }: Network): Promise<void> {
    const { id, hostConfig } = entry.container;
    if (hostConfig.NetworkMode === "host" && driver === "host") {
      throw new EngineError(
        "invalid_argument",
        "cannot disconnect container from host network - container was created in host network mode",
      );
    }
    if (!Object.hasOwn(entry.state.endpoints, name))
      throw notConnected(`container ${id} is not connected to network ${name}`);
    await this.#parts.live.leave(entry, name);
  }

  #forget(entry: Entry, name: string): void {
    const { id, attachments } = entry.container;
    const { [name]: _known, ...left } = attachments;
    if (!Object.hasOwn(attachments, name))
      throw notConnected(`container ${id} is not connected to the network ${name}`);
    this.#record(entry, left);
  }

  #record(entry: Entry, attachments: Container["attachments"]): void {
    this.#parts.table.saveContainer(entry, { ...entry.container, attachments });
  }
}

function refuseRemoving({ container: { id }, state, isRemoving }: Entry): void {
  if (!isRemoving && state.status !== "dead") return;
  throw new EngineError(
    "internal",
    `Container ${id} is marked for removal and cannot be connected or disconnected to the network`,
  );
}

/** Docker answers 500. */
function notConnected(message: string): EngineError {
  return new EngineError("internal", message);
}
