import { configCap } from "../../oci/config.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { manifestCap, parseManifest } from "../../oci/manifest.ts";
import type { SavedBlob, SavedDocument } from "./save-plan.ts";

/** An index with all that it leads to. */
export interface SavedIndex {
  descriptor: Descriptor;
  documents: SavedDocument[];
  layers: SavedBlob[];
}

/**
 * The index of a digest, if the images of all its platforms are here to the last blob; undefined for anything else. An
 * archive with an index that leads nowhere would be one that many readers refuse.
 */
export async function findIndex(
  top: Digest,
  content: ContentStore,
): Promise<SavedIndex | undefined> {
  const index = await readDocument(top, content);
  if (index?.kind !== "index" || index.manifests.length === 0) return undefined;
  const documents: SavedDocument[] = [{ digest: top, bytes: index.raw }];
  const layers: SavedBlob[] = [];
  for (const { digest } of index.manifests) {
    const manifest = await readDocument(digest, content);
    if (manifest?.kind !== "manifest") return undefined;
    const { config } = manifest;
    const parts = [config, ...manifest.layers];
    const sizes = await Promise.all(parts.map((part) => content.size(part.digest)));
    if (config.size > configCap || parts.some(({ size }, at) => sizes[at] !== size))
      return undefined;
    documents.push({ digest, bytes: manifest.raw });
    documents.push({ digest: config.digest, bytes: await content.read(config.digest, configCap) });
    layers.push(...manifest.layers.map(({ digest, size }) => ({ digest, size })));
  }
  const { mediaType, raw } = index;
  return { descriptor: { mediaType, digest: top, size: raw.length }, documents, layers };
}

async function readDocument(digest: Digest, content: ContentStore) {
  if (!(await content.has(digest))) return undefined;
  return parseManifest(await content.read(digest, manifestCap));
}
