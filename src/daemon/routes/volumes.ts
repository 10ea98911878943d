import type { Volume as WireVolume } from "../../api/types.ts";
import { compareVersions } from "../../api/version.ts";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../http/context.ts";
import { checkShape, type Fields } from "../http/shape.ts";
import { pruneFilters, volumeFilters } from "../volumes/filter.ts";
import { toVolume } from "../volumes/view.ts";
import type { Volume, VolumeRequest } from "../volumes/volume.ts";

export interface VolumeRoutesParts {
  list(filters: Map<string, string[]>): Volume[];
  ensure(request: VolumeRequest): Promise<Volume>;
  get(name: string): Volume;
  remove(name: string, force: boolean): Promise<void>;
  prune(filters: Map<string, string[]>): Promise<{ names: string[]; reclaimed: number }>;
  dataPath(name: string): string;
}

export function volumeRoutes(parts: VolumeRoutesParts) {
  const view = (volume: Volume): WireVolume => toVolume(volume, parts.dataPath(volume.name));
  return {
    volumeList({ query, json }) {
      const volumes = parts.list(query.filters(volumeFilters));
      json(200, { Volumes: volumes.map(view), Warnings: null });
    },

    async volumeCreate({ body, json }) {
      json(201, view(await parts.ensure(parseVolumeRequest(await body()))));
    },

    volumeInspect({ params, json }) {
      json(200, view(parts.get(params.name ?? "")));
    },

    async volumeRemove({ params, query, empty }) {
      await parts.remove(params.name ?? "", query.flag("force"));
      empty(204);
    },

    async volumePrune({ query, version, json }) {
      const filters = query.filters(pruneFilters);
      // Until then named volumes went too, and clients do not ask for them.
      if (compareVersions(version, "1.42") < 0) filters.set("all", ["true"]);
      const { names, reclaimed } = await parts.prune(filters);
      json(200, { VolumesDeleted: names, SpaceReclaimed: reclaimed });
    },
  } satisfies Record<string, Handler>;
}

const volumeShape: Fields = {
  Name: "string",
  Driver: "string",
  DriverOpts: "texts",
  Labels: "texts",
  ClusterVolumeSpec: "map",
};

interface WireRequest {
  Name?: string;
  Driver?: string;
  DriverOpts?: Record<string, string>;
  Labels?: Record<string, string>;
  ClusterVolumeSpec?: object;
}

function parseVolumeRequest(body: Record<string, unknown>): VolumeRequest {
  checkShape(body, volumeShape);
  const { Name, Driver, Labels, DriverOpts, ClusterVolumeSpec }: WireRequest = body;
  if (ClusterVolumeSpec !== undefined)
    throw new EngineError("not_implemented", "cluster volumes are not supported by this engine");
  return {
    name: Name || undefined,
    driver: Driver ?? "",
    labels: Labels ?? {},
    options: DriverOpts ?? {},
  };
}
