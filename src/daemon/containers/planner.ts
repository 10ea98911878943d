import type { HostFacts, LaunchRequest } from "../../native-types.ts";
import type { StoredImage } from "../images/image.ts";
import type { Endpoint } from "./container.ts";
import { readHostResolvConf } from "./files.ts";
import type { ContainerPaths } from "./paths.ts";
import { buildLaunch } from "./plan.ts";
import { parseResources } from "./resources.ts";
import type { Entry } from "./table.ts";

export interface PlannerParts {
  images: { get(name: string): StoredImage; lowerDirectories(image: StoredImage): string[] };
  volumes: { dataPath(name: string): string };
  networks: { readonly bridgeName: string };
  facts: Pick<HostFacts, "ncpu">;
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
    const { images, volumes, networks, facts, cgroupParent } = this.#parts;
    const { container } = entry;
    return buildLaunch({
      container,
      paths,
      lower: images.lowerDirectories(images.get(container.imageId)),
      volumes: new Map(
        container.mounts.flatMap((mount) =>
          mount.type === "volume" ? [[mount.name, volumes.dataPath(mount.name)]] : [],
        ),
      ),
      resources: parseResources(container.hostConfig, facts.ncpu),
      bridge: endpoint === null ? null : { name: networks.bridgeName, endpoint },
      hostResolvConf: await readHostResolvConf(),
      cgroupParent,
      console: entry.console,
    });
  }
}
