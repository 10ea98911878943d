import { EngineError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { ContainerStore } from "../store/container-store.ts";
import type { PendingAttach } from "./attach.ts";
import { type Container, type ContainerState, isRunning } from "./container.ts";
import type { MonitorControl } from "./monitor.ts";
import { readContainer, readState } from "./record.ts";
import { Waiters } from "./waiters.ts";

/** One container in memory: what it is, how it is, and who waits for it. */
export interface Entry {
  container: Container;
  state: ContainerState;
  monitor: MonitorControl | undefined;
  /** Clients that attached before the start. */
  pending: PendingAttach[];
  /** Terminal size announced before the start. */
  console: { rows: number; columns: number };
  /** Settled once it runs no more; replaced at each start. */
  exited: PromiseWithResolvers<ContainerState>;
  removed: Waiters<ContainerState>;
  nextExit: Waiters<ContainerState>;
  /** The lifecycle operations of one container run one after another. */
  busy: Promise<unknown>;
  isRemoving: boolean;
  /** How many `restart`s of the user's are under way: `--rm` waits for them. */
  holds: number;
}

/** All containers, in memory and in the database; a state change is written before anybody hears of it. */
export class ContainerTable {
  readonly #store: ContainerStore;
  readonly #log: Pick<Log, "error">;
  readonly #entries = new Map<string, Entry>();
  readonly #names = new Map<string, string>();

  constructor(store: ContainerStore, log: Pick<Log, "error">) {
    this.#store = store;
    this.#log = log;
    for (const { container, state } of store.all())
      this.#hold(readContainer(container), readState(state));
  }

  all(): Entry[] {
    return [...this.#entries.values()];
  }

  /** False once it is removed. */
  has(entry: Entry): boolean {
    return this.#entries.get(entry.container.id) === entry;
  }

  insert(container: Container, state: ContainerState): Entry {
    this.#store.insert(container, state);
    return this.#hold(container, state);
  }

  saveState(entry: Entry, state: ContainerState): void {
    this.#store.saveState(entry.container.id, state);
    entry.state = state;
  }

  /**
   * As saveState, for what has come to pass whether or not it can be written down, on a full disk: whoever
   * waits is told all the same, and the monitor's record tells the next daemon.
   */
  saveAnyway(entry: Entry, state: ContainerState): void {
    try {
      this.saveState(entry, state);
    } catch (error) {
      entry.state = state;
      this.#log.error(`save the state of container ${entry.container.id}:`, error);
    }
  }

  /** Changes what a container is: its name, or what an update may change of its host settings. */
  saveContainer(entry: Entry, container: Container): void {
    this.#store.saveContainer(container);
    this.#change(entry, container);
  }

  /** What a container is and how it is, where one says nothing without the other. */
  save(entry: Entry, container: Container, state: ContainerState): void {
    this.#store.save(container, state);
    this.#change(entry, container);
    entry.state = state;
  }

  remove(entry: Entry): void {
    this.#store.remove(entry.container.id);
    this.#entries.delete(entry.container.id);
    this.#names.delete(entry.container.name);
  }

  #change(entry: Entry, container: Container): void {
    if (container.name !== entry.container.name) {
      this.#names.delete(entry.container.name);
      this.#names.set(container.name, container.id);
    }
    entry.container = container;
  }

  /** Id of the container that has this name. */
  ownerOf(name: string): string | undefined {
    return this.#names.get(name);
  }

  /** Ids of the containers that mount a volume. */
  usersOfVolume(name: string): string[] {
    const mounts = ({ container }: Entry): boolean =>
      container.mounts.some((mount) => mount.type === "volume" && mount.name === name);
    return this.all()
      .filter(mounts)
      .map(({ container }) => container.id);
  }

  /** Short ids of the containers that were made from an image, or mount it. */
  containersOf(imageId: string): { id: string; running: boolean }[] {
    const mounts = ({ container }: Entry): boolean =>
      container.mounts.some((mount) => mount.type === "image" && mount.imageId === imageId);
    return this.all()
      .filter((entry) => entry.container.imageId === imageId || mounts(entry))
      .map(({ container, state }) => ({
        id: container.id.slice(0, 12),
        running: isRunning(state),
      }));
  }

  /** By its whole id. */
  find(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** By id, name (with or without its slash) or unique start of an id. */
  get(reference: string): Entry {
    if (reference === "")
      throw new EngineError("invalid_argument", 'invalid name or ID supplied: ""');
    const byName = this.#names.get(reference.replace(/^\//, ""));
    const exact =
      this.#entries.get(reference) ??
      (byName === undefined ? undefined : this.#entries.get(byName));
    if (exact) return exact;
    const matches = /^[0-9a-f]{1,63}$/.test(reference)
      ? [...this.#entries.keys()].filter((id) => id.startsWith(reference))
      : [];
    if (matches.length > 1) {
      throw new EngineError(
        "invalid_argument",
        `multiple IDs found with provided prefix: ${reference}`,
      );
    }
    const found = this.#entries.get(matches[0] ?? "");
    if (!found) throw new EngineError("not_found", `No such container: ${reference}`);
    return found;
  }

  #hold(container: Container, state: ContainerState): Entry {
    const entry: Entry = {
      container,
      state,
      monitor: undefined,
      pending: [],
      console: { rows: 0, columns: 0 },
      exited: Promise.withResolvers(),
      removed: new Waiters(),
      nextExit: new Waiters(),
      busy: Promise.resolve(),
      isRemoving: false,
      holds: 0,
    };
    this.#entries.set(container.id, entry);
    this.#names.set(container.name, container.id);
    return entry;
  }
}

/** Runs one lifecycle operation after those that were asked for before it. */
export function inTurn<T>(entry: Entry, operation: () => Promise<T>): Promise<T> {
  const turn = entry.busy.then(operation, operation);
  entry.busy = turn.catch(() => {});
  return turn;
}

/** Tells all who wait for an exit. */
export function settleExit(entry: Entry): void {
  entry.exited.resolve(entry.state);
  entry.nextExit.settle(entry.state);
}
