import { configCap, parsePlatform } from "../../oci/config.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseManifest } from "../../oci/manifest.ts";
import type { Platform } from "../../oci/platform.ts";
import type { Reference } from "../../oci/reference.ts";
import type { ImageSource } from "../../oci/registry/types.ts";

/** What a name leads to at its registry, nothing of which is kept. */
export interface Distribution {
  descriptor: Pick<Descriptor, "mediaType" | "digest" | "size">;
  /** Those of an index, as it says them, or the one of an image. */
  platforms: Platform[];
}

type DistributionSource = Pick<ImageSource, "resolve" | "blobBytes">;

export async function lookUp(
  source: DistributionSource,
  reference: Reference,
  signal: AbortSignal,
): Promise<Distribution> {
  const { descriptor, bytes } = await source.resolve(reference, { signal });
  const parsed = parseManifest(bytes, descriptor.mediaType);
  const { digest, size } = descriptor;
  const found = { mediaType: parsed.mediaType, digest, size };
  if (parsed.kind === "index") {
    const platforms = parsed.manifests.map(
      ({ platform }) => platform ?? { os: "", architecture: "" },
    );
    return { descriptor: found, platforms };
  }
  const config = source.blobBytes(reference, parsed.config, configCap, { signal });
  const platform = await config.then(parsePlatform).catch(() => undefined);
  signal.throwIfAborted();
  // As Docker, without what cannot be read: the config of a chart or another artifact is no image's.
  const isNamed = platform !== undefined && (platform.os !== "" || platform.architecture !== "");
  return { descriptor: found, platforms: isNamed ? [platform] : [] };
}
