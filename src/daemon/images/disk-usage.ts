import type { ImageDiskUsage, KindUsage } from "../../api/usage.ts";
import type { ContentStore } from "../../oci/layout.ts";
import type { ImageStore } from "../store/image-store.ts";
import type { StoredImage } from "./image.ts";
import type { LayerStore } from "./layer-store.ts";
import { blobsOf, partsOf, splitPart } from "./parts.ts";
import { type PartsOf, shareParts, sumParts } from "./sharing.ts";
import { toImageSummary } from "./view.ts";

export interface ImageUsageParts {
  images: ImageStore;
  layers: Pick<LayerStore, "diskOf">;
  content: Pick<ContentStore, "size">;
  /** How many containers there are of an image. */
  users(imageId: string): number;
}

/**
 * What images take of the disk: the blocks of their unpacked layers and the bytes of their blobs, each once
 * however many images have it.
 */
export async function measureImages(
  parts: ImageUsageParts,
): Promise<KindUsage<ImageDiskUsage> & { ContentSize: number }> {
  const { images, users } = parts;
  const all = images.images();
  const sizes = await measureParts(all, parts);
  const size = (part: string): number => sizes.get(part) ?? 0;
  const whole = all.map((image) => ({
    id: image.id,
    parts: partsOf(image),
  }));
  const blobs = all.map((image) => ({ id: image.id, parts: blobsOf(image) }));
  const shares = shareParts(whole, size);
  const contents = shareParts(blobs, size);
  const used = whole.filter(({ id }) => users(id) > 0);
  const TotalSize = sumParts(whole, size);
  return {
    ActiveCount: used.length,
    TotalCount: all.length,
    Reclaimable: TotalSize - sumParts(used, size),
    TotalSize,
    ContentSize: sumParts(blobs, size),
    Items: all.map((image) => ({
      ...toImageSummary(image, images.tagsOf(image.id)),
      Size: shares.get(image.id)?.size ?? 0,
      SharedSize: shares.get(image.id)?.shared ?? 0,
      Containers: users(image.id),
      ContentSize: contents.get(image.id)?.size ?? 0,
    })),
  };
}

/** The layers of each image, by its id, in the bytes that `images` counts. */
export function shareLayers(images: StoredImage[], sizeOf: (diffId: string) => number) {
  const sizes = new Map<string, number>();
  const size = (diffId: string): number => {
    const known = sizes.get(diffId) ?? sizeOf(diffId);
    sizes.set(diffId, known);
    return known;
  };
  const parts: PartsOf[] = images.map(({ id, layers }) => ({
    id,
    parts: layers.map(({ diffId }) => diffId),
  }));
  return shareParts(parts, size);
}

async function measureParts(
  images: StoredImage[],
  { layers, content }: ImageUsageParts,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const part of new Set(images.flatMap(partsOf))) {
    const { kind, digest } = splitPart(part);
    const size = kind === "layer" ? layers.diskOf(digest) : content.size(digest);
    sizes.set(part, (await size) ?? 0);
  }
  return sizes;
}
