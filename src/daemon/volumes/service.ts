import { mkdir, readdir, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, messageOf } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";
import type { Trash } from "../containers/trash.ts";
import type { EventBus } from "../events/bus.ts";
import { Limiter } from "../images/limiter.ts";
import type { VolumeStore } from "../store/volume-store.ts";
import { filterVolumes, parseFlag } from "./filter.ts";
import { parseVolumeName } from "./names.ts";
import { checkDriver, resolveAddress, sourceOf, type VolumeSource } from "./options.ts";
import { Turns } from "./turns.ts";
import type { Volume, VolumeRequest } from "./volume.ts";

export interface VolumeParts {
  native: Pick<Native, "copyUp" | "finishCopyUp" | "treeSize" | "treeUsage">;
  store: VolumeStore;
  trash: Pick<Trash, "take">;
  events: EventBus;
  /** Holds a directory for each volume. */
  root: string;
  /** A new name for a volume without one. */
  newName(): string;
}

/** Each on a thread of its own, which is busy with the disk. */
const measuredAtOnce = 4;

/** Ids of the containers that mount a volume. */
export type VolumeUsers = (name: string) => string[];

/** Named and anonymous volumes of the driver "local": directories below the data root. */
export class VolumeService {
  readonly #parts: VolumeParts;
  /** Volumes of containers that are being created: in use before any record says so. */
  readonly #held = new Map<string, number>();
  readonly #turns = new Turns();

  constructor(parts: VolumeParts) {
    this.#parts = parts;
  }

  /**
   * Makes the records and the directories agree after a crash: a directory without a record is removed
   * if it is empty; with data it is a volume whose record was lost with the machine's power. What was
   * being filled is either empty or complete again.
   */
  async open(): Promise<void> {
    const { store, root } = this.#parts;
    await mkdir(root, { recursive: true, mode: 0o711 });
    for (const name of await readdir(root)) {
      const parts = await readdir(join(root, name)).catch(() => []);
      if (parts.some((part) => part !== "_data"))
        await this.#parts.native.finishCopyUp(join(root, name));
      if (store.find(name) === undefined) await this.#adopt(name);
    }
  }

  async #adopt(name: string): Promise<void> {
    const { store, root } = this.#parts;
    const data = this.dataPath(name);
    await rmdir(data).catch(() => undefined);
    await rmdir(join(root, name)).catch(() => undefined);
    const left = await stat(data).catch(() => undefined);
    if (left === undefined) return;
    const anonymous = /^[0-9a-f]{64}$/.test(name);
    store.insert({ name, createdAt: left.birthtime.toISOString(), anonymous });
  }

  /** The directory that holds the volume's data. */
  dataPath(name: string): string {
    return join(this.#parts.root, name, "_data");
  }

  find(name: string): Volume | undefined {
    return this.#parts.store.find(name);
  }

  get(name: string): Volume {
    const found = this.find(name);
    if (found === undefined) throw new EngineError("not_found", `get ${name}: no such volume`);
    return found;
  }

  /** What a start mounts for a volume. */
  async source(name: string): Promise<VolumeSource> {
    return await resolveAddress(sourceOf(this.get(name).options, this.dataPath(name)));
  }

  /** Copies what an image has at `path` into the volume if that is empty; a file there is refused. */
  async fill(name: string, lower: string[], path: string): Promise<void> {
    const source = sourceOf(this.get(name).options, this.dataPath(name));
    // A file system of its own is mounted by each container for itself.
    if (source.kind === "filesystem") return;
    const staged = source.kind === "directory";
    const directory = staged ? join(this.#parts.root, name) : source.path;
    const request = { lower, path, directory, staged };
    await this.#turns.take(name, () => this.#parts.native.copyUp(request));
  }

  list(filters: Map<string, string[]>, users: VolumeUsers): Volume[] {
    const isUsed = (name: string): boolean => this.#isUsed(name, users);
    return filterVolumes(this.#parts.store.all(), filters, isUsed);
  }

  /**
   * The volume of that name, made if there is none; without a name a new anonymous one. What is asked of
   * a volume that exists must be what it is.
   */
  async ensure(request: VolumeRequest): Promise<Volume> {
    const { name } = request;
    const { newName } = this.#parts;
    try {
      checkDriver(request.driver, request.options ?? {});
      if (name === undefined) return await this.#create(newName(), request);
      return await this.#turns.take(parseVolumeName(name), async () => {
        const known = this.find(name);
        if (known === undefined) return await this.#create(name, request);
        refuseOtherOptions(known, request);
        return known;
      });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw new EngineError(error.code, `create ${name ?? ""}: ${error.message}`, { cause: error });
    }
  }

  /** The directory first: the record is what is promised. */
  async #create(name: string, request: VolumeRequest): Promise<Volume> {
    const { store, events } = this.#parts;
    const { labels, options } = request;
    const volume: Volume = {
      name,
      createdAt: new Date().toISOString(),
      anonymous: request.name === undefined,
      ...(labels && Object.keys(labels).length > 0 ? { labels } : {}),
      ...(options && Object.keys(options).length > 0 ? { options } : {}),
    };
    try {
      await mkdir(this.dataPath(volume.name), { recursive: true, mode: 0o755 });
    } catch (cause) {
      throw new EngineError("internal", messageOf(cause), { cause });
    }
    store.insert(volume);
    events.publish("volume", "create", volume.name, { driver: "local" });
    return volume;
  }

  /** Keeps a volume from being removed until the returned function is called. */
  hold(name: string): () => void {
    this.#held.set(name, (this.#held.get(name) ?? 0) + 1);
    return () => {
      const left = (this.#held.get(name) ?? 1) - 1;
      if (left > 0) this.#held.set(name, left);
      else this.#held.delete(name);
    };
  }

  /** All volumes with what they take of the disk; -1 for what is somewhere else. */
  async usage(users: VolumeUsers): Promise<{ volume: Volume; size: number; users: number }[]> {
    const measure = async (volume: Volume) => {
      const path = this.dataPath(volume.name);
      const isHere = sourceOf(volume.options, path).kind === "directory";
      const size = isHere ? (await this.#parts.native.treeUsage(path)).disk : -1;
      return { volume, size, users: users(volume.name).length };
    };
    const limiter = new Limiter(measuredAtOnce);
    return await Promise.all(
      this.#parts.store.all().map((volume) => limiter.run(() => measure(volume))),
    );
  }

  #isUsed(name: string, users: VolumeUsers): boolean {
    return this.#held.has(name) || users(name).length > 0;
  }

  /** Removes a volume that no container mounts. By force what is absent is no error. */
  async remove(name: string, force: boolean, users: VolumeUsers): Promise<void> {
    await this.#turns.take(name, async () => {
      if (this.find(name) === undefined && force) return;
      this.get(name);
      if (this.#isUsed(name, users)) {
        throw new EngineError(
          "conflict",
          `remove ${name}: volume is in use - [${users(name).join(", ")}]`,
        );
      }
      await this.#remove(name);
    });
  }

  /** Removes a volume unless a container mounts it; false if it was not removed. */
  async removeUnused(name: string, users: VolumeUsers): Promise<boolean> {
    return await this.#turns.take(name, async () => {
      if (this.find(name) === undefined || this.#isUsed(name, users)) return false;
      await this.#remove(name);
      return true;
    });
  }

  /**
   * The record first, then the directory in one step: a daemon killed between the two finds data without
   * a record, which is a volume again.
   */
  async #remove(name: string): Promise<void> {
    const { store, trash, events, root } = this.#parts;
    const volume = this.get(name);
    store.remove(name);
    try {
      await trash.take(join(root, name));
    } catch (error) {
      store.insert(volume);
      throw error;
    }
    events.publish("volume", "destroy", name, { driver: "local" });
  }

  /** Removes what no container mounts: anonymous volumes, with the filter `all` named ones too. */
  async prune(
    filters: Map<string, string[]>,
    users: VolumeUsers,
  ): Promise<{ names: string[]; reclaimed: number }> {
    const { native } = this.#parts;
    const all = (filters.get("all") ?? []).some((value) => parseFlag("all", value));
    const names: string[] = [];
    let reclaimed = 0;
    for (const { name, anonymous } of this.list(filters, users)) {
      if ((!anonymous && !all) || this.#isUsed(name, users)) continue;
      const size = await native.treeSize(this.dataPath(name));
      if (!(await this.removeUnused(name, users))) continue;
      names.push(name);
      reclaimed += size;
    }
    this.#parts.events.publish("volume", "prune", "", { reclaimed: String(reclaimed) });
    return { names, reclaimed };
  }
}

function refuseOtherOptions(volume: Volume, { options = {} }: VolumeRequest): void {
  const have = volume.options ?? {};
  const names = Object.keys(options);
  if (names.length === 0) return;
  const same =
    names.length === Object.keys(have).length &&
    names.every((name) => options[name] === have[name]);
  if (!same)
    throw new EngineError("conflict", "conflict: a volume of that name exists with other options");
}
