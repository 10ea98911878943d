import type { ImageManifestSummary } from "../../api/types.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { manifestCap, parseManifest } from "../../oci/manifest.ts";
import type { ImageRow } from "./filter.ts";
import { blobsOf, type StoredImage } from "./image.ts";

const referenceType = "vnd.docker.reference.type";
const referenceDigest = "vnd.docker.reference.digest";

/** Every manifest that the image's name leads to, of which one is here; `containers` are made from it. */
export async function listManifests(
  { image, tags }: ImageRow,
  containers: string[],
  content: ContentStore,
): Promise<ImageManifestSummary[]> {
  const entries = await findEntries(image, tags[0]?.digest, content);
  const own = await describeOwn(image, containers, content);
  return entries.map((entry) =>
    entry.digest === image.manifest.digest
      ? { ...own, Descriptor: toWire(entry) }
      : describeAbsent(entry),
  );
}

/** The entries of the index that the image was chosen from, if there was one and it is kept. */
async function findEntries(
  image: StoredImage,
  top: string | undefined,
  content: ContentStore,
): Promise<Descriptor[]> {
  const isIndex = top !== undefined && top !== image.manifest.digest && (await content.has(top));
  if (!isIndex) return [image.manifest];
  const parsed = parseManifest(await content.read(top, manifestCap));
  const entries = parsed.kind === "index" ? parsed.manifests : [];
  return entries.some(({ digest }) => digest === image.manifest.digest)
    ? entries
    : [...entries, image.manifest];
}

async function describeOwn(
  image: StoredImage,
  containers: string[],
  content: ContentStore,
): Promise<ImageManifestSummary> {
  const blobs = new Set(blobsOf(image));
  const sizes = await Promise.all([...blobs].map((digest) => content.size(digest)));
  const Content = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  return {
    ID: image.manifest.digest,
    Descriptor: toWire(image.manifest),
    Available: true,
    Size: { Content, Total: Content + image.size },
    Kind: "image",
    ImageData: {
      Platform: image.platform,
      Containers: containers,
      Size: { Unpacked: image.size },
    },
  };
}

function describeAbsent(entry: Descriptor): ImageManifestSummary {
  const { annotations = {}, platform } = entry;
  const common = {
    ...{ ID: entry.digest, Descriptor: toWire(entry), Available: false },
    Size: { Content: 0, Total: 0 },
  };
  if (annotations[referenceType] === "attestation-manifest")
    return {
      ...{ ...common, Kind: "attestation" },
      AttestationData: { For: annotations[referenceDigest] ?? "" },
    };
  if (platform === undefined) return { ...common, Kind: "unknown" };
  const ImageData = { Platform: platform, Containers: [], Size: { Unpacked: 0 } };
  return { ...common, Kind: "image", ImageData };
}

function toWire({ mediaType, digest, size, platform, annotations }: Descriptor) {
  return {
    ...{ mediaType, digest, size },
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}
