import { EngineError } from "../errors.ts";
import type { Descriptor } from "./descriptor.ts";
import { type ImageManifest, maxIndexDepth, parseManifest } from "./manifest.ts";
import { choosePlatform, formatPlatform, type Platform } from "./platform.ts";
import type { Reference } from "./reference.ts";
import type { CallOptions, ImageSource, ResolvedManifest } from "./registry/types.ts";

export interface SelectedImage {
  /** The document that the name leads to: an index or the manifest itself. Its digest is the image's. */
  top: ResolvedManifest;
  /** The manifest for the wanted platform. */
  descriptor: Descriptor;
  manifest: ImageManifest;
  /** All documents on the way from `top` to the manifest, both included, to be stored. */
  documents: { descriptor: Descriptor; bytes: Uint8Array }[];
}

/**
 * Follows a name through indexes to the manifest for a platform. Throws not_found if there is none for it,
 * invalid_argument if the documents are wrong or nested too deeply.
 */
export async function selectImage(
  source: ImageSource,
  ref: Reference,
  want: Platform,
  options: CallOptions = {},
): Promise<SelectedImage> {
  const top = await source.resolve(ref, options);
  let { descriptor, bytes } = top as { descriptor: Descriptor; bytes: Uint8Array };
  const documents = [{ descriptor, bytes }];
  for (let depth = 0; ; depth++) {
    const parsed = parseManifest(bytes, descriptor.mediaType);
    if (parsed.kind === "manifest") return { top, descriptor, manifest: parsed, documents };
    if (depth === maxIndexDepth) {
      throw new EngineError(
        "invalid_argument",
        `invalid manifest: indexes are nested more than ${maxIndexDepth} deep`,
      );
    }
    const next = choosePlatform(parsed.manifests, want);
    if (next === undefined) {
      throw new EngineError(
        "not_found",
        `no matching manifest for ${formatPlatform(want)} in the manifest list entries`,
        { hint: "choose another tag, or another platform with --platform" },
      );
    }
    descriptor = next;
    bytes = await source.manifest(ref, next, options);
    documents.push({ descriptor, bytes });
  }
}
