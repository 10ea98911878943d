import type { LaunchRequest } from "../../native-types/plan.ts";
import type { StoredImage } from "../images/image.ts";
import type { Placement } from "../networks/attacher.ts";
import type { StartNames } from "../networks/names/service.ts";
import type { Endpoints } from "../networks/services.ts";
import type { VolumeSource } from "../volumes/options.ts";
import type { Container, ContainerMount } from "./container.ts";
import { findBlockLimits, findDevices } from "./devices.ts";
import type { InitLayers } from "./init-layer.ts";
import { findNamespaces, findNetworkOwner } from "./modes.ts";
import type { ContainerPaths } from "./paths.ts";
import { buildLaunch, type Posture } from "./plan.ts";
import type { MountSources } from "./plan-mounts.ts";
import { type CpuFacts, parseResources } from "./resources.ts";
import type { ContainerTable, Entry } from "./table.ts";

export interface PlannerParts {
  images: {
    get(name: string): StoredImage;
    lowerDirectories(image: StoredImage): string[];
    completeLower(image: StoredImage): string[];
  };
  volumes: { source(name: string): Promise<VolumeSource> };
  names: { forStart(container: Container, endpoints: Endpoints): Promise<StartNames> };
  facts: CpuFacts;
  table: Pick<ContainerTable, "get" | "find">;
  pathsOf(id: string): ContainerPaths;
  initLayers: Pick<InitLayers, "of">;
  posture: Posture;
  cgroupParent: string | null;
}

/** Gathers what a start is decided from; the deciding is buildLaunch's. */
export class LaunchPlanner {
  readonly #parts: PlannerParts;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  async plan(entry: Entry, paths: ContainerPaths, placement: Placement): Promise<LaunchRequest> {
    const { facts, table, names } = this.#parts;
    const { container } = entry;
    const { hostConfig } = container;
    const namespaces = findNamespaces(hostConfig, (id) => table.get(id));
    const isOwn = namespaces.networkOwner === undefined;
    return buildLaunch({
      ...(await this.#base(entry, paths)),
      resources: {
        ...parseResources(hostConfig, facts),
        ...(await findBlockLimits(hostConfig)),
      },
      devices: await findDevices(hostConfig),
      namespaces,
      networkOwner: this.#owner(namespaces.networkOwner),
      placement,
      names: isOwn ? await names.forStart(container, placement.endpoints) : null,
    });
  }

  /** The plan as far as files go, whatever else a start would need: for what does not run. */
  async planFiles(entry: Entry, paths: ContainerPaths): Promise<LaunchRequest> {
    return buildLaunch({
      ...(await this.#base(entry, paths)),
      resources: {},
      devices: [],
      namespaces: { network: "new", pid: "new", ipc: "new", uts: "new" },
      networkOwner: this.#owner(findNetworkOwner(entry, (id) => this.#parts.table.find(id))),
      placement: { endpoints: {}, plans: [] },
      names: null,
    });
  }

  #owner(entry: Entry | undefined) {
    return entry && { container: entry.container, paths: this.#parts.pathsOf(entry.container.id) };
  }

  async #base(entry: Entry, paths: ContainerPaths) {
    const { images, initLayers, posture, cgroupParent } = this.#parts;
    const { container } = entry;
    const lower = images.lowerDirectories(images.get(container.imageId));
    return {
      container,
      paths,
      lower: [await initLayers.of(container.imageId, lower), ...lower],
      sources: await this.#findSources(container.mounts),
      cgroupParent,
      posture,
      console: entry.console,
    };
  }

  async #findSources(mounts: ContainerMount[]): Promise<MountSources> {
    const { images, volumes } = this.#parts;
    const sources: MountSources = { volumes: new Map(), images: new Map() };
    for (const mount of mounts) {
      if (mount.type === "volume")
        sources.volumes.set(mount.name, await volumes.source(mount.name));
      if (mount.type === "image")
        sources.images.set(mount.imageId, images.completeLower(images.get(mount.imageId)));
    }
    return sources;
  }
}
