/** Archives of images, made in memory: as Docker wrote them before version 25, and as OCI layouts. */
import { buildTar, digestOf, type Entry, type Image } from "../../scripts/image.ts";

export interface Manifest {
  config: { digest: string };
  layers: { digest: string }[];
}

export function manifestOf(image: Image): Manifest {
  return JSON.parse(new TextDecoder().decode(image.manifest));
}

export function fileOf(name: string, content: unknown): Entry {
  const isRaw = typeof content === "string" || content instanceof Uint8Array;
  return { name, mode: 0o644, content: isRaw ? content : JSON.stringify(content) };
}

const hexOf = (digest: string) => digest.slice(7);
export const blobPath = (digest: string) => `blobs/sha256/${hexOf(digest)}`;

export interface Named {
  image: Image;
  tags: string[];
}

/**
 * The members of `docker save` before version 25: a directory for each layer. The image's layers must not be compressed.
 * A layer that comes again is a link to the first, as Docker wrote it.
 */
export function oldMembers(images: Named[]): Entry[] {
  const members: Entry[] = [];
  const places = new Map<string, string>();
  const entries = images.map(({ image, tags }, at) => {
    const { config, layers } = manifestOf(image);
    members.push(fileOf(`${hexOf(config.digest)}.json`, image.blobs.get(config.digest)));
    const names = layers.map(({ digest }, depth) => {
      const id = digestOf(new TextEncoder().encode(`${at}-${depth}`)).slice(7);
      const first = places.get(digest);
      members.push({ name: id, type: "directory" });
      members.push(fileOf(`${id}/VERSION`, "1.0"), fileOf(`${id}/json`, { id }));
      const name = `${id}/layer.tar`;
      if (first === undefined) {
        members.push(fileOf(name, image.blobs.get(digest)));
        places.set(digest, id);
      } else members.push({ name, type: "symlink", target: `../${first}/layer.tar` });
      return name;
    });
    return { Config: `${hexOf(config.digest)}.json`, RepoTags: tags, Layers: names };
  });
  return [...members, fileOf("manifest.json", entries), fileOf("repositories", {})];
}

/** The members of an OCI layout; an image without tags has no name. */
export function layoutMembers(images: Named[]): Entry[] {
  const blobs = new Map<string, Uint8Array>();
  const manifests = images.flatMap(({ image, tags }) => {
    blobs.set(image.digest, image.manifest);
    for (const [digest, bytes] of image.blobs) blobs.set(digest, bytes);
    const { mediaType, digest } = image;
    const entry = { mediaType, digest, size: image.manifest.length };
    if (tags.length === 0) return [entry];
    return tags.map((tag) => ({
      ...entry,
      annotations: { "org.opencontainers.image.ref.name": tag },
    }));
  });
  return [
    fileOf("oci-layout", { imageLayoutVersion: "1.0.0" }),
    fileOf("index.json", { schemaVersion: 2, manifests }),
    ...[...blobs].map(([digest, bytes]) => fileOf(blobPath(digest), bytes)),
  ];
}

/** Writes an archive of these members. */
export async function writeArchive(path: string, members: Entry[]): Promise<string> {
  await Bun.write(path, buildTar(members));
  return path;
}
