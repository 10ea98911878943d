import { EngineError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { type ImageManifest, manifestCap, parseManifest } from "../../oci/manifest.ts";
import type { ImageStore } from "../store/image-store.ts";
import type { StoredImage } from "./image.ts";

interface Stores {
  content: ContentStore;
  images: ImageStore;
}

/** A manifest all of whose layers are in the store. */
export interface SavedManifest {
  descriptor: Descriptor;
  bytes: Uint8Array;
  /** Lowest first. */
  layers: Descriptor[];
}

/**
 * The image's own manifest. A layer that was unpacked already for another image was never fetched for this one: then
 * the other one's blob stands for it, in a manifest made for the purpose. The image's id is the same either way.
 */
export async function findManifest(
  image: StoredImage,
  stores: Stores,
  purpose: "saved" | "pushed" = "saved",
): Promise<SavedManifest> {
  const own = await readManifest(image, stores);
  const layers: Descriptor[] = [];
  for (const [at, layer] of own.layers.entries()) {
    const isHere = await stores.content.has(layer.digest);
    layers.push(
      isHere
        ? layer
        : await findOther(image, at, stores, () => refuse(image, layer.digest, stores, purpose)),
    );
  }
  if (layers.every(({ digest }, at) => digest === own.layers[at]?.digest))
    return { descriptor: image.manifest, bytes: own.raw, layers };
  const before = JSON.parse(new TextDecoder().decode(own.raw));
  const bytes = new TextEncoder().encode(JSON.stringify({ ...before, layers }));
  const descriptor = { ...image.manifest, digest: digestOf(bytes), size: bytes.length };
  return { descriptor, bytes, layers };
}

export async function readManifest(
  { id, manifest }: StoredImage,
  { content }: Stores,
): Promise<ImageManifest> {
  const raw = await content.read(manifest.digest, manifestCap);
  const parsed = parseManifest(raw, manifest.mediaType);
  if (parsed.kind === "manifest") return parsed;
  throw new EngineError("internal", `the manifest of image ${id} is an index`);
}

/** Another image's blob of the same plain layer. */
async function findOther(
  image: StoredImage,
  at: number,
  stores: Stores,
  refuse: () => EngineError,
): Promise<Descriptor> {
  const diffId = image.layers[at]?.diffId;
  for (const other of stores.images.images()) {
    const same = other.layers.find((layer) => layer.diffId === diffId)?.blob;
    if (same === undefined || !(await stores.content.has(same))) continue;
    const { layers } = await readManifest(other, stores);
    const found = layers.find(({ digest }) => digest === same);
    if (found !== undefined) return found;
  }
  throw refuse();
}

function refuse(
  { id }: StoredImage,
  missing: Digest,
  { images }: Stores,
  purpose: string,
): EngineError {
  return new EngineError(
    "conflict",
    `image ${id.slice(7, 19)} cannot be ${purpose}: its blob ${missing} is not in the store`,
    {
      hint: images.keepBlobs
        ? "`rt system check --repair` fetches what is missing"
        : "this daemon runs with --no-keep-blobs: it cannot give layers as they were compressed",
    },
  );
}
