import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { manifestCap, maxIndexDepth, parseManifest } from "../../oci/manifest.ts";
import { parseName, type Reference } from "../../oci/reference.ts";
import type { ImageStore } from "../store/image-store.ts";
import type { StoredImage } from "./image.ts";
import { findManifest, readManifest } from "./saved-manifest.ts";

interface Stores {
  content: ContentStore;
  images: ImageStore;
}

/** A layer or a config. */
export interface PushedBlob {
  digest: Digest;
  descriptor: Descriptor;
  isLayer: boolean;
}

export interface PushedManifest {
  descriptor: Descriptor;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What a name takes to be pushed. */
export interface PushPlan {
  /** What an index names comes before it; the last one gets the tag. */
  manifests: PushedManifest[];
  /** Each once. */
  blobs: PushedBlob[];
  /** What the name stands for, if only one of its manifests can be pushed. */
  index?: Descriptor;
}

/** The index that a name stands for with all that it names, or undefined if that is not all here. */
export async function planIndex(
  image: StoredImage,
  top: Digest,
  { content }: Stores,
): Promise<PushPlan | undefined> {
  if (top === image.manifest.digest) return undefined;
  const descriptor = await describeIndex(top, content);
  const plan: PushPlan = { manifests: [], blobs: [] };
  const isWhole = descriptor !== undefined && (await collect(descriptor, plan, content, 0));
  return isWhole ? { ...plan, blobs: unique(plan.blobs) } : undefined;
}

/** The image's own manifest; not all of its layers need be here. */
export async function planImage(
  image: StoredImage,
  top: Digest,
  stores: Stores,
): Promise<PushPlan> {
  const own = await readManifest(image, stores);
  const index =
    top === image.manifest.digest ? undefined : await describeIndex(top, stores.content);
  return {
    manifests: [{ descriptor: image.manifest, bytes: new Uint8Array(own.raw) }],
    blobs: unique([...own.layers.map(toLayer), toConfig(own.config)]),
    ...(index === undefined ? {} : { index }),
  };
}

/** Other images' blobs in the place of those that are nowhere, as an archive has them. Throws conflict. */
export async function planSubstitute(
  image: StoredImage,
  before: PushPlan,
  stores: Stores,
): Promise<PushPlan> {
  const { descriptor, bytes, layers } = await findManifest(image, stores, "pushed");
  const rest = before.blobs.filter(({ isLayer }) => !isLayer);
  return {
    ...before,
    manifests: [{ descriptor, bytes: new Uint8Array(bytes) }],
    blobs: unique([...layers.map(toLayer), ...rest]),
  };
}

/** By blob: other repositories of the same registry that are known to hold it, as images here are named after them. */
export function findSources(
  { domain, path }: Pick<Reference, "domain" | "path">,
  images: Pick<ImageStore, "tags" | "images">,
): Map<Digest, string[]> {
  const sources = new Map<Digest, string[]>();
  const known = new Map(images.images().map((image) => [image.id, image]));
  for (const tag of images.tags()) {
    const name = parseName(tag.reference);
    if (name.domain !== domain || name.path === path) continue;
    for (const { blob } of known.get(tag.image)?.layers ?? []) {
      const paths = sources.get(blob) ?? [];
      if (!paths.includes(name.path)) sources.set(blob, [...paths, name.path]);
    }
  }
  return sources;
}

/** Adds what a manifest or index leads to; false if something is not here. */
async function collect(
  descriptor: Descriptor,
  plan: PushPlan,
  content: ContentStore,
  depth: number,
): Promise<boolean> {
  if (depth > maxIndexDepth || !(await content.has(descriptor.digest))) return false;
  const raw = await content.read(descriptor.digest, manifestCap);
  const parsed = parseManifest(raw, descriptor.mediaType);
  if (parsed.kind === "index") {
    for (const child of parsed.manifests)
      if (!(await collect(child, plan, content, depth + 1))) return false;
  } else {
    const blobs = [...parsed.layers.map(toLayer), toConfig(parsed.config)];
    if (!(await content.hasAll(blobs.map(({ digest }) => digest)))) return false;
    plan.blobs.push(...blobs);
  }
  const { mediaType } = parsed;
  plan.manifests.push({ descriptor: { ...descriptor, mediaType }, bytes: new Uint8Array(raw) });
  return true;
}

async function describeIndex(digest: Digest, content: ContentStore) {
  if (!(await content.has(digest))) return undefined;
  const { mediaType, kind, raw } = parseManifest(await content.read(digest, manifestCap));
  return kind === "index" ? { mediaType, digest, size: raw.byteLength } : undefined;
}

function toLayer(descriptor: Descriptor): PushedBlob {
  return { digest: descriptor.digest, descriptor, isLayer: true };
}

function toConfig(descriptor: Descriptor): PushedBlob {
  return { digest: descriptor.digest, descriptor, isLayer: false };
}

function unique(blobs: PushedBlob[]): PushedBlob[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}
