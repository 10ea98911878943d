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

/** What the archive holds, in order: text, or a blob that is copied from the store. */
export type SavedMember =
  | { kind: "text"; name: string; text: string }
  | { kind: "directory"; name: string }
  | { kind: "blob"; name: string; digest: Digest; size: number };

/** Where containerd and Docker look for a whole name. */
export const imageNameAnnotation = "io.containerd.image.name";

/**
 * An OCI image layout that is a docker-archive as well, as Docker has written since version 25. What says what is in
 * it comes first, then documents, then layers, so that a reader need not keep what it does not know.
 */
export function planSave(images: SavedImage[], documents: SavedBlob[], layers: SavedBlob[]) {
  const blobs = [...unique(documents), ...unique(layers)];
  const algorithms = new Set<string>(blobs.map(({ digest }) => parseDigest(digest).algorithm));
  const members: SavedMember[] = [
    { kind: "text", name: "oci-layout", text: '{"imageLayoutVersion":"1.0.0"}' },
    { kind: "text", name: "index.json", text: JSON.stringify(buildIndex(images)) },
    { kind: "text", name: "manifest.json", text: JSON.stringify(images.map(toManifestEntry)) },
    { kind: "text", name: "repositories", text: JSON.stringify(buildRepositories(images)) },
    { kind: "directory", name: "blobs/" },
    ...["sha256", "sha512"]
      .filter((name) => algorithms.has(name))
      .map((name) => ({ kind: "directory", name: `blobs/${name}/` }) as const),
    ...blobs.map((blob) => ({ kind: "blob", name: blobName(blob.digest), ...blob }) as const),
  ];
  return members;
}

function unique(blobs: SavedBlob[]): SavedBlob[] {
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
  if (member.kind !== "text") return buildHeader(header);
  const bytes = Buffer.from(member.text);
  const size = bytes.length;
  return Buffer.concat([buildHeader({ ...header, size }), bytes, padding(size)]);
}
