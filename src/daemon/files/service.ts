import { access, mkdir } from "node:fs/promises";
import { EngineError } from "../../errors.ts";
import type { FileChange, LayersRequest } from "../../native-types/layers.ts";
import type { FilePlace, FileStat, Native } from "../../native-types/native.ts";
import type { PlannedMount } from "../../native-types/plan.ts";
import { isRunning } from "../containers/container.ts";
import { eventAttributes } from "../containers/events.ts";
import type { ContainerPaths } from "../containers/paths.ts";
import type { LaunchPlanner } from "../containers/planner.ts";
import { type Entry, inTurn } from "../containers/table.ts";
import type { EventBus } from "../events/bus.ts";

export interface FileParts {
  native: Pick<Native, "statFile" | "readArchive" | "writeArchive" | "listChanges">;
  planner: LaunchPlanner;
  paths(entry: Entry): ContainerPaths;
  events: EventBus;
}

/** Takes an archive piece by piece, after it was told what it is of. */
export interface ArchiveReceiver {
  begin(stat: FileStat): void;
  write(chunk: Uint8Array): Promise<void>;
}

export interface ExtractOptions {
  path: string;
  noOverwriteDirNonDir: boolean;
  copyOwner: boolean;
}

/** Where the engine mounts in every container. */
const ownMountPoints = [
  ...["/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"],
  ...["/dev/console", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys/fs/cgroup"],
];

/** Files of containers, running or not: looks, copies, changes. All paths are resolved natively. */
export class FileService {
  readonly #parts: FileParts;
  /** Work on containers that run, by the promise of their exit. */
  readonly #working = new WeakMap<Promise<unknown>, Set<Promise<unknown>>>();

  constructor(parts: FileParts) {
    this.#parts = parts;
  }

  stat(entry: Entry, path: string): Promise<FileStat> {
    return this.#inside(entry, (place) => this.#parts.native.statFile({ place, path }));
  }

  /** A path and all below it; the container's volumes are part of it. */
  copy(entry: Entry, path: string, to: ArchiveReceiver, signal: AbortSignal): Promise<void> {
    this.#tell(entry, "archive-path");
    return this.#inside(entry, (place) => this.#send({ place, path }, to, signal));
  }

  /** The whole root as image and container made it, without what is mounted. */
  export(entry: Entry, to: ArchiveReceiver, signal: AbortSignal): Promise<void> {
    this.#tell(entry, "export");
    return this.#inside(entry, (place) => this.#send({ place, path: "/", bare: true }, to, signal));
  }

  /** Unpacks an archive in a directory of the container. */
  extract(
    entry: Entry,
    options: ExtractOptions,
    input: () => AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const { config } = entry.container;
    const user = options.copyOwner ? (config.User ?? "") : "";
    this.#tell(entry, "extract-to-dir");
    return this.#inside(entry, async (place) => {
      const sink = this.#parts.native.writeArchive({
        ...{ place, path: options.path, user },
        keepKinds: options.noOverwriteDirNonDir,
      });
      const cancel = (): void => sink.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      try {
        await sink.found;
        for await (const chunk of input()) {
          if (signal.aborted || !(await sink.write(chunk))) break;
        }
        await sink.finish();
      } catch (error) {
        sink.cancel();
        throw error;
      } finally {
        signal.removeEventListener("abort", cancel);
      }
    });
  }

  /** What differs from the image. */
  async changes(entry: Entry): Promise<FileChange[]> {
    return await this.#parts.native.listChanges(await this.layers(entry));
  }

  /** The directories that the container's root is made of. */
  async layers(entry: Entry): Promise<LayersRequest> {
    const { upper, lower } = (await inTurn(entry, () => this.#plan(entry))).rootfs;
    const targets = entry.container.mounts.map(({ target }) => target);
    return { upper, lower, mountPoints: [...ownMountPoints, ...targets] };
  }

  /**
   * Does `work` at the container's root. One that runs is not kept from anything meanwhile; one that
   * does not run cannot be started or removed until the work is done, since its root is mounted.
   */
  async #inside<T>(entry: Entry, work: (place: FilePlace) => Promise<T>): Promise<T> {
    for (;;) {
      const { pid, monitorPid } = entry.state;
      if (isRunning(entry.state)) {
        const done = work({ kind: "running", pid, monitorPid });
        this.#holdStart(entry, done);
        return await done;
      }
      const result = await inTurn(entry, async () => {
        if (isRunning(entry.state)) return undefined;
        return { value: await work(await this.#stopped(entry)) };
      });
      if (result !== undefined) return result.value;
    }
  }

  /** Should a container end before the work on it does, then its root is still in use: a start waits. */
  #holdStart(entry: Entry, work: Promise<unknown>): void {
    const exit = entry.exited.promise;
    const known = this.#working.get(exit);
    const running = known ?? new Set<Promise<unknown>>();
    running.add(work);
    const end = () => running.delete(work);
    work.then(end, end);
    if (known) return;
    this.#working.set(exit, running);
    void exit.then(() => inTurn(entry, () => Promise.allSettled(running)));
  }

  async #stopped(entry: Entry): Promise<FilePlace> {
    const { rootfs, mounts } = await this.#plan(entry);
    const present = await Promise.all(mounts.map(isPresent));
    return { kind: "stopped", rootfs, mounts: mounts.filter((_, index) => present[index]) };
  }

  /** Only in the container's turn: what it makes would outlive a removal. */
  async #plan(entry: Entry) {
    if (entry.isRemoving) {
      const text = `container ${entry.container.id} is marked for removal`;
      throw new EngineError("conflict", text);
    }
    const { planner, paths } = this.#parts;
    const { plan, directories } = await planner.planFiles(entry, paths(entry));
    // As its first start would.
    for (const { path, mode } of directories) await mkdir(path, { mode }).catch(ignoreExisting);
    return plan;
  }

  async #send(
    request: { place: FilePlace; path: string; bare?: boolean },
    to: ArchiveReceiver,
    signal: AbortSignal,
  ): Promise<void> {
    const source = this.#parts.native.readArchive(request);
    const cancel = (): void => source.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      to.begin(await source.found);
      for (let chunk = await source.next(); chunk !== null; chunk = await source.next()) {
        await to.write(chunk);
        if (signal.aborted) break;
      }
    } finally {
      signal.removeEventListener("abort", cancel);
      source.cancel();
    }
  }

  #tell(entry: Entry, action: string): void {
    const { events } = this.#parts;
    events.publish("container", action, entry.container.id, eventAttributes(entry.container));
  }
}

function ignoreExisting(error: unknown): void {
  if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
  throw error;
}

/** The engine's own files are there once the container has been started. */
async function isPresent(mount: PlannedMount): Promise<boolean> {
  if (mount.kind !== "bind") return mount.kind === "image";
  return await access(mount.source).then(
    () => true,
    () => false,
  );
}
