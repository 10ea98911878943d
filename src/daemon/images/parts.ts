import type { Digest } from "../../oci/digest.ts";
import type { StoredImage } from "./image.ts";

/** What the store is made of: "layer sha256:…" is an unpacked tree by its diffID, "blob sha256:…" content. */
export type Part = `${"layer" | "blob"} ${Digest}`;

export const layerPart = (diffId: Digest): Part => `layer ${diffId}`;
export const blobPart = (digest: Digest): Part => `blob ${digest}`;

/** A layer and its blob may have one digest: the blob is a plain archive then. */
export const layersOf = ({ layers }: StoredImage): Part[] =>
  layers.map(({ diffId }) => layerPart(diffId));

export const blobsOf = ({ layers, documents }: StoredImage): Part[] =>
  [...layers.map(({ blob }) => blob), ...documents].map(blobPart);

/** The compressed layers alone. */
export const archivesOf = ({ layers }: StoredImage): Part[] =>
  layers.map(({ blob }) => blobPart(blob));

/** Everything of the store that an image needs. */
export const partsOf = (image: StoredImage): Part[] => [...layersOf(image), ...blobsOf(image)];

export function splitPart(part: Part): { kind: "layer" | "blob"; digest: Digest } {
  const at = part.indexOf(" ");
  return { kind: part.startsWith("layer") ? "layer" : "blob", digest: part.slice(at + 1) };
}
