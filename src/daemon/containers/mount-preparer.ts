import { mkdir, stat } from "node:fs/promises";
import type { ContainerConfig, HostConfig } from "../../api/types.ts";
import { EngineError, messageOf } from "../../errors.ts";
import type { StoredImage } from "../images/image.ts";
import type { VolumeService } from "../volumes/service.ts";
import { findAsked, toAsked } from "./asked.ts";
import type { Container, ContainerMount } from "./container.ts";
import { parseMounts, parseVolumesFrom, type RequestedMount } from "./mounts.ts";
import type { ContainerTable } from "./table.ts";

export interface MountPreparerParts {
  volumes: VolumeService;
  table: ContainerTable;
  images: { get(name: string): StoredImage; completeLower(image: StoredImage): string[] };
}

/** The mounts of a container to be; its volumes stay until `release`. */
export interface PreparedMounts {
  mounts: ContainerMount[];
  release(): void;
  /** Takes back the volumes that were made for this container alone, which will not be. */
  discard(): Promise<void>;
}

/** Turns the mounts that were asked for into ones that can be mounted: makes, finds and fills volumes. */
export class MountPreparer {
  readonly #parts: MountPreparerParts;

  constructor(parts: MountPreparerParts) {
    this.#parts = parts;
  }

  async prepare(
    host: HostConfig,
    config: ContainerConfig,
    image: StoredImage,
  ): Promise<PreparedMounts> {
    const { table, volumes } = this.#parts;
    const from = (host.VolumesFrom ?? []).flatMap((spec) => this.#mountsOf(spec));
    const { requested, inherited } = parseMounts(host, config, from);
    const mounts: ContainerMount[] = [...inherited];
    const holds = inherited.flatMap((mount) =>
      mount.type === "volume" ? [volumes.hold(mount.name)] : [],
    );
    const made: string[] = [];
    const prepared: PreparedMounts = {
      mounts,
      release: () => {
        for (const release of holds.splice(0)) release();
      },
      discard: async () => {
        prepared.release();
        for (const name of made)
          await volumes.removeUnused(name, (each) => table.usersOfVolume(each));
      },
    };
    try {
      // Volumes last: a source that is refused leaves none behind.
      for (const mount of requested.toSorted((a, b) => rank(a) - rank(b))) {
        mounts.push(await this.#prepareOne(mount, { holds, made, image }));
      }
      return prepared;
    } catch (error) {
      await prepared.discard();
      throw error;
    }
  }

  /** Mounts of another container, as `--volumes-from` has them: all but its `--tmpfs`. */
  #mountsOf(spec: string): ContainerMount[] {
    const { container: name, readonly } = parseVolumesFrom(spec);
    const { container } = findAsked(() => this.#parts.table.get(name));
    const own = container.hostConfig.Tmpfs ?? {};
    return container.mounts
      .filter((mount) => mount.type !== "tmpfs" || !Object.hasOwn(own, mount.target))
      .map((mount) => (readonly ? { ...mount, readonly } : mount));
  }

  async #prepareOne(
    mount: RequestedMount,
    { holds, made, image }: { holds: (() => void)[]; made: string[]; image: StoredImage },
  ): Promise<ContainerMount> {
    const { volumes, images } = this.#parts;
    if (mount.type === "tmpfs") return mount;
    if (mount.type === "image") {
      return { ...mount, imageId: images.get(mount.image).id, readonly: true };
    }
    if (mount.type === "bind") {
      const { createSource, ...bind } = mount;
      await prepareSource(bind.source, createSource);
      return bind;
    }
    const { driver = "", labels = {}, options = {}, name, ...rest } = mount;
    // Held before it is there, so that nobody removes it in between.
    if (name !== undefined) holds.push(volumes.hold(name));
    const ensuring = volumes.ensure({ name, driver, labels, options });
    const volume = await ensuring.catch((error: unknown) => {
      throw toAsked(error);
    });
    const anonymous = name === undefined;
    if (anonymous) {
      holds.push(volumes.hold(volume.name));
      made.push(volume.name);
    }
    if (mount.subpath && (await volumes.source(volume.name)).kind === "filesystem") {
      throw new EngineError(
        "not_implemented",
        "subpaths of volumes that are file systems of their own are not supported by this engine yet",
      );
    }
    if (!mount.nocopy && !mount.subpath) {
      await volumes.fill(volume.name, images.completeLower(image), mount.target);
    }
    return { ...rest, name: volume.name, anonymous };
  }

  /** Removes the anonymous volumes of a container that is gone, unless another one has them. */
  async removeAnonymous(container: Container): Promise<void> {
    const { table, volumes } = this.#parts;
    for (const mount of container.mounts) {
      if (mount.type === "volume" && mount.anonymous)
        await volumes.removeUnused(mount.name, (name) => table.usersOfVolume(name));
    }
  }
}

function rank(mount: RequestedMount): number {
  return mount.type === "volume" ? 1 : 0;
}

async function prepareSource(source: string, create: boolean): Promise<void> {
  try {
    if (create) await mkdir(source, { recursive: true, mode: 0o755 }).catch(ignoreExisting);
    await stat(source);
  } catch (cause) {
    const absent = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new EngineError(
      "invalid_argument",
      absent
        ? `invalid mount config for type "bind": bind source path does not exist: ${source}`
        : `invalid mount config for type "bind": ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** A source that is a file is a source all the same. */
function ignoreExisting(error: unknown): void {
  if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
  throw error;
}
