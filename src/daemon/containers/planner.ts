import type { LaunchRequest } from "../../native-types.ts";
import type { StoredImage } from "../images/image.ts";
import type { Endpoint } from "./container.ts";
import { findBlockLimits, findDevices } from "./devices.ts";
import { readHostResolvConf } from "./files.ts";
import { findNamespaces } from "./modes.ts";
import type { ContainerPaths } from "./paths.ts";
import { buildLaunch } from "./plan.ts";
import { type CpuFacts, parseResources } from "./resources.ts";
import type { ContainerTable, Entry } from "./table.ts";

export interface PlannerParts {
  images: { get(name: string): StoredImage; lowerDirectories(image: StoredImage): string[] };
  volumes: { dataPath(name: string): string };
  networks: { readonly bridgeName: string };
  facts: CpuFacts;
  table: Pick<ContainerTable, "get">;
  pathsOf(id: string): ContainerPaths;
  cgroupParent: string | null;
}

/** Gathers what a start is decided from; the deciding is buildLaunch's. */
export class LaunchPlanner {
  readonly #parts: PlannerParts;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  /** `endpoint` is the container's place on the bridge, null for other networks. */
  async plan(
    entry: Entry,
    paths: ContainerPaths,
    endpoint: Endpoint | null,
  ): Promise<LaunchRequest> {
    const { images, volumes, networks, facts, cgroupParent, table, pathsOf } = this.#parts;
    const { container } = entry;
    const { hostConfig } = container;
    const namespaces = findNamespaces(hostConfig, (id) => table.get(id));
    const owner = namespaces.networkOwner?.container;
    return buildLaunch({
      container,
      paths,
      lower: images.lowerDirectories(images.get(container.imageId)),
      volumes: new Map(
        container.mounts.flatMap((mount) =>
          mount.type === "volume" ? [[mount.name, volumes.dataPath(mount.name)]] : [],
        ),
      ),
      resources: {
        ...parseResources(hostConfig, facts),
        ...(await findBlockLimits(hostConfig)),
      },
      devices: await findDevices(hostConfig),
      namespaces,
      networkOwner: owner && { container: owner, paths: pathsOf(owner.id) },
      bridge: endpoint === null ? null : { name: networks.bridgeName, endpoint },
      hostResolvConf: await readHostResolvConf(),
      cgroupParent,
      console: entry.console,
    });
  }
}
