/** Wire types of GET /system/df. Types only. */
import type { ContainerSummary, ImageSummary, Volume } from "./types.ts";

/** One kind of object; `Items` only where details were asked for. */
export interface KindUsage<T> {
  ActiveCount: number;
  TotalCount: number;
  Reclaimable: number;
  TotalSize: number;
  Items?: T[];
}

/** `ContentSize` is this engine's own: of the size, what compressed blobs and documents take. */
export type ImageDiskUsage = ImageSummary & { ContentSize: number };

/** Since API 1.52; a kind that was not asked for is left out. */
export interface SystemUsage {
  ImageUsage?: KindUsage<ImageDiskUsage> & { ContentSize: number };
  ContainerUsage?: KindUsage<ContainerSummary>;
  VolumeUsage?: KindUsage<Volume>;
  BuildCacheUsage?: KindUsage<never>;
}

/** Until API 1.52: clients add up for themselves. A kind that was not asked for is null. */
export interface LegacyUsage {
  LayersSize: number;
  Images: ImageDiskUsage[] | null;
  Containers: ContainerSummary[] | null;
  Volumes: Volume[] | null;
  BuildCache: never[] | null;
  BuilderSize: number;
}
