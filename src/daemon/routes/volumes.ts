import type { Volume as WireVolume } from "../../api/types.ts";
import { compareVersions } from "../../api/version.ts";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../http/context.ts";
import { isRecord } from "../http/json.ts";
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

function parseVolumeRequest(body: Record<string, unknown>): VolumeRequest {
  const name = text(body, "Name");
  if (body.ClusterVolumeSpec != null)
    throw new EngineError("not_implemented", "cluster volumes are not supported by this engine");
  return {
    name: name === "" ? undefined : name,
    driver: text(body, "Driver"),
    labels: texts(body, "Labels"),
    options: texts(body, "DriverOpts"),
  };
}

function text(body: Record<string, unknown>, field: string): string {
  const value = body[field] ?? "";
  if (typeof value === "string") return value;
  throw new EngineError(
    "invalid_argument",
    `invalid request body: field "${field}" is not a string`,
  );
}

function texts(body: Record<string, unknown>, field: string): Record<string, string> {
  const value = body[field] ?? {};
  const entries = isRecord(value) ? Object.entries(value) : [["", undefined]];
  if (entries.every((entry): entry is [string, string] => typeof entry[1] === "string"))
    return Object.fromEntries(entries);
  throw new EngineError(
    "invalid_argument",
    `invalid request body: field "${field}" is not an object of strings`,
  );
}
