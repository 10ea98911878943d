import { buildHeader, type Header, padding } from "../../archive/header.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import { refNameAnnotation } from "../../oci/layout.ts";
import { ociIndex } from "../../oci/media-types.ts";
import {
  canonicalString,
  familiarName,
  familiarString,
  type Reference,
} from "../../oci/reference.ts";

/** One image of an archive, under the names that it is to have there. */
export interface SavedImage {
  manifest: Descriptor;
  config: Digest;
  /** Lowest first. */
  layers: Digest[];
  /** With tags; none for an image that was asked for by its id. */
  names: Reference[];
}

/** A blob by its digest and size. */
export interface SavedBlob {
  digest: Digest;
  size: number;
}

/** A manifest or a config. */
export interface SavedDocument {
  digest: Digest;
  bytes: Uint8Array;
}

/** What the archive holds, in order: bytes, or a blob that is copied from the store. */
export type SavedMember =
  | { kind: "bytes"; name: string; bytes: Uint8Array }
  | { kind: "directory"; name: string }
  | { kind: "blob"; name: string; digest: Digest; size: number };

/** Where containerd and Docker look for a whole name. */
export const imageNameAnnotation = "io.containerd.image.name";

/**
 * An OCI image layout that is a docker-archive as well, as Docker has written since version 25. What says what is in
 * it comes first, then documents, then layers, so that a reader need not keep what it does not know.
 */
export function planSave(
  images: SavedImage[],
  documents: SavedDocument[],
  layers: SavedBlob[],
): SavedMember[] {
  const algorithms = new Set(
    [...documents, ...layers].map(({ digest }) => digest.split(":", 1)[0]),
  );
  return [
    json("oci-layout", { imageLayoutVersion: "1.0.0" }),
    json("index.json", buildIndex(images)),
    json("manifest.json", images.map(toManifestEntry)),
    json("repositories", buildRepositories(images)),
    directory("blobs/"),
    ...["sha256", "sha512"]
      .filter((name) => algorithms.has(name))
      .map((name) => directory(`blobs/${name}/`)),
    ...unique(documents).map(({ digest, bytes }) => toMember(blobName(digest), bytes)),
    ...unique(layers).map(
      ({ digest, size }) => ({ kind: "blob", name: blobName(digest), digest, size }) as const,
    ),
  ];
}

function json(name: string, value: unknown): SavedMember {
  return toMember(name, new TextEncoder().encode(JSON.stringify(value)));
}

function toMember(name: string, bytes: Uint8Array): SavedMember {
  return { kind: "bytes", name, bytes };
}

function directory(name: string): SavedMember {
  return { kind: "directory", name };
}

function unique<T extends { digest: Digest }>(blobs: T[]): T[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

export function blobName(digest: Digest): string {
  const { algorithm, hex } = parseDigest(digest);
  return `blobs/${algorithm}/${hex}`;
}

function buildIndex(images: SavedImage[]) {
  const manifests = images.flatMap(({ manifest, names }) => {
    const { mediaType, digest, size, platform } = manifest;
    const entry = { mediaType, digest, size };
    const described = platform === undefined ? entry : { ...entry, platform };
    if (names.length === 0) return [described];
    return names.map((name) => ({
      ...described,
      annotations: {
        [imageNameAnnotation]: canonicalString(name),
        [refNameAnnotation]: name.tag ?? "latest",
      },
    }));
  });
  return { schemaVersion: 2, mediaType: ociIndex, manifests };
}

function toManifestEntry({ config, names, layers }: SavedImage) {
  return {
    Config: blobName(config),
    RepoTags: names.length === 0 ? null : names.map(familiarString),
    Layers: layers.map(blobName),
  };
}

/** What Docker read before manifest.json: name, tag, and the topmost layer. */
function buildRepositories(images: SavedImage[]): Record<string, Record<string, string>> {
  // Without a prototype: "constructor" is a repository like any other.
  const repositories: Record<string, Record<string, string>> = Object.create(null);
  for (const { names, config, layers } of images) {
    for (const name of names) {
      const repository = familiarName(name);
      const tags = repositories[repository] ?? Object.create(null);
      repositories[repository] = tags;
      tags[name.tag ?? "latest"] = parseDigest(layers.at(-1) ?? config).hex;
    }
  }
  return repositories;
}

/** Everything of the archive but the bytes of blobs; times and owners are always the same. */
export function headerOf(member: SavedMember): Uint8Array {
  const isDirectory = member.kind === "directory";
  const header: Header = {
    ...{ name: member.name, link: "", uid: 0, gid: 0, mtime: 0 },
    type: isDirectory ? "directory" : "file",
    mode: isDirectory ? 0o755 : 0o644,
    size: member.kind === "blob" ? member.size : 0,
  };
  if (member.kind !== "bytes") return buildHeader(header);
  const { bytes } = member;
  const size = bytes.length;
  return Buffer.concat([buildHeader({ ...header, size }), bytes, padding(size)]);
}
