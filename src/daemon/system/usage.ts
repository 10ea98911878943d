import type { ContainerSummary, Volume } from "../../api/types.ts";
import type { KindUsage, LegacyUsage, SystemUsage } from "../../api/usage.ts";
import { EngineError } from "../../errors.ts";
import { toFormerSummary } from "../images/versions.ts";

export const usageKinds = ["container", "image", "volume", "build-cache"] as const;
export type UsageKind = (typeof usageKinds)[number];

type ImageUsage = NonNullable<SystemUsage["ImageUsage"]>;

export interface UsageParts {
  images(): Promise<ImageUsage>;
  /** With the sizes of their own files. */
  containers(): Promise<ContainerSummary[]>;
  /** With their usage. */
  volumes(): Promise<Volume[]>;
}

/** Everything that was measured; what was not asked for is undefined. */
export interface Measured {
  images: ImageUsage | undefined;
  containers: ContainerSummary[] | undefined;
  volumes: Volume[] | undefined;
  buildCache: boolean;
}

/** Kinds as `type=` names them; none means all. */
export function parseKinds(values: string[]): ReadonlySet<UsageKind> {
  const isKind = (value: string): value is UsageKind => usageKinds.some((kind) => kind === value);
  const wrong = values.find((value) => !isKind(value));
  if (wrong !== undefined)
    throw new EngineError("invalid_argument", `unknown object type: ${wrong}`);
  return new Set(values.length === 0 ? usageKinds : values.filter(isKind));
}

export async function measureUsage(
  parts: UsageParts,
  kinds: ReadonlySet<UsageKind>,
): Promise<Measured> {
  const [images, containers, volumes] = await Promise.all([
    kinds.has("image") ? parts.images() : undefined,
    kinds.has("container") ? parts.containers() : undefined,
    kinds.has("volume") ? parts.volumes() : undefined,
  ]);
  return { images, containers, volumes, buildCache: kinds.has("build-cache") };
}

export function toLegacyUsage(
  { images, containers, volumes, buildCache }: Measured,
  version: string,
): LegacyUsage {
  return {
    LayersSize: images?.TotalSize ?? 0,
    Images: images?.Items?.map((image) => toFormerSummary(image, version)) ?? null,
    Containers: containers ?? null,
    Volumes: volumes ?? null,
    BuildCache: buildCache ? [] : null,
    BuilderSize: 0,
  };
}

export function toSystemUsage(measured: Measured, verbose: boolean): SystemUsage {
  const { images, containers, volumes, buildCache } = measured;
  const shown = <T>(usage: KindUsage<T>): KindUsage<T> => {
    const { Items, ...totals } = usage;
    return verbose ? { ...totals, Items: Items ?? [] } : totals;
  };
  return {
    ...(images && { ImageUsage: { ...shown(images), ContentSize: images.ContentSize } }),
    ...(containers && { ContainerUsage: shown(sumContainers(containers)) }),
    ...(volumes && { VolumeUsage: shown(sumVolumes(volumes)) }),
    ...(buildCache && {
      BuildCacheUsage: shown<never>({
        ...{ ActiveCount: 0, TotalCount: 0, Reclaimable: 0, TotalSize: 0 },
      }),
    }),
  };
}

const activeStates = ["running", "paused", "restarting"];

export function sumContainers(containers: ContainerSummary[]): KindUsage<ContainerSummary> {
  const isActive = ({ State }: ContainerSummary): boolean => activeStates.includes(State ?? "");
  const sum = (some: ContainerSummary[]): number =>
    some.reduce((total, { SizeRw }) => total + (SizeRw ?? 0), 0);
  return {
    ActiveCount: containers.filter(isActive).length,
    TotalCount: containers.length,
    Reclaimable: sum(containers.filter((each) => !isActive(each))),
    TotalSize: sum(containers),
    Items: containers,
  };
}

/** A volume whose size is not known has -1. */
export function sumVolumes(volumes: Volume[]): KindUsage<Volume> {
  const isUsed = ({ UsageData }: Volume): boolean => (UsageData?.RefCount ?? 0) > 0;
  const sum = (some: Volume[]): number =>
    some.reduce((total, { UsageData }) => total + Math.max(UsageData?.Size ?? 0, 0), 0);
  return {
    ActiveCount: volumes.filter(isUsed).length,
    TotalCount: volumes.length,
    Reclaimable: sum(volumes.filter((each) => !isUsed(each))),
    TotalSize: sum(volumes),
    Items: volumes,
  };
}
