import { EngineError } from "../errors.ts";
import type { Digest } from "./digest.ts";
import { type ImageManifest, parseManifest } from "./manifest.ts";
import {
  dockerIndex,
  dockerManifest,
  isManifestType,
  ociIndex,
  ociManifest,
} from "./media-types.ts";
import type { Platform } from "./platform.ts";
import { canonicalString, parseReference, type Reference } from "./reference.ts";

/** A manifest that is to stand in a list. */
export interface ListedManifest {
  /** The whole name that it was asked for by. */
  ref: string;
  descriptor: { mediaType: string; digest: Digest; size: number; platform: Platform };
  /** As the registry gave it. */
  raw: Uint8Array;
}

/** What `annotate` may say of a manifest's platform. */
export interface Annotation {
  os?: string | undefined;
  architecture?: string | undefined;
  variant?: string | undefined;
  osVersion?: string | undefined;
  osFeatures: string[];
}

/**
 * The list as a document, always the same bytes for the same manifests, whatever order they came in; Docker's client
 * makes the same. It is an OCI index if its first manifest is OCI's. Throws invalid_argument.
 */
export function buildList(manifests: readonly ListedManifest[]): {
  mediaType: string;
  bytes: Uint8Array<ArrayBuffer>;
} {
  const sorted = manifests.toSorted((a, b) => compare(orderOf(a.ref), orderOf(b.ref)));
  const isOci = sorted[0]?.descriptor.mediaType === ociManifest;
  const mediaType = isOci ? ociIndex : dockerIndex;
  const document = { schemaVersion: 2, mediaType, manifests: sorted.map(toEntry) };
  return { mediaType, bytes: new TextEncoder().encode(JSON.stringify(document, undefined, 3)) };
}

function toEntry({ ref, descriptor }: ListedManifest) {
  const { mediaType, size, digest, platform } = descriptor;
  if (!platform.os || !platform.architecture) {
    throw new EngineError(
      "invalid_argument",
      `manifest ${ref} must have an OS and Architecture to be pushed to a registry`,
    );
  }
  return { mediaType, size, digest, platform: orderPlatform(platform) };
}

/** Members in Docker's order. */
function orderPlatform(platform: Platform): Platform {
  const { architecture, os, variant } = platform;
  const { "os.version": version, "os.features": features } = platform;
  return {
    ...{ architecture, os },
    ...(version ? { "os.version": version } : {}),
    ...(features && features.length > 0 ? { "os.features": features } : {}),
    ...(variant ? { variant } : {}),
  };
}

/** Docker keeps each manifest in a file and lists them by their names. */
const orderOf = (ref: string): string => ref.replaceAll(":", "-").replaceAll("/", "_");

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Throws invalid_argument for a platform that is none. */
export function annotate(
  { descriptor, ...rest }: ListedManifest,
  said: Annotation,
): ListedManifest {
  const { platform } = descriptor;
  const features = [...new Set([...(platform["os.features"] ?? []), ...said.osFeatures])];
  const changed: Platform = {
    ...platform,
    ...(said.os ? { os: said.os } : {}),
    ...(said.architecture ? { architecture: said.architecture } : {}),
    ...(said.variant ? { variant: said.variant } : {}),
    ...(said.osVersion ? { "os.version": said.osVersion } : {}),
    ...(features.length > 0 ? { "os.features": features } : {}),
  };
  if (!platforms[changed.os]?.includes(changed.architecture)) {
    const named = `${changed.os}/${changed.architecture}`;
    throw new EngineError(
      "invalid_argument",
      `manifest entry for image has unsupported os/arch combination: ${named}`,
    );
  }
  return { ...rest, descriptor: { ...descriptor, platform: changed } };
}

/** Architectures by system, as Go names them. */
const platforms: Record<string, string[]> = Object.assign(Object.create(null), {
  darwin: ["386", "amd64", "arm", "arm64"],
  dragonfly: ["amd64"],
  freebsd: ["386", "amd64", "arm"],
  linux: [
    ...["386", "amd64", "arm", "arm64", "loong64", "mips64", "mips64le"],
    ...["ppc64le", "riscv64", "s390x"],
  ],
  netbsd: ["386", "amd64", "arm"],
  openbsd: ["386", "amd64", "arm"],
  plan9: ["386", "amd64"],
  solaris: ["amd64"],
  windows: ["386", "amd64"],
});

/** The blobs that a repository must have before it takes the manifest. */
export function blobsOf({ raw, descriptor }: ListedManifest): Digest[] {
  const { config, layers } = readImageManifest(raw, descriptor.mediaType);
  return [...new Set([config, ...layers].map(({ digest }) => digest))];
}

export function readImageManifest(raw: Uint8Array, mediaType: string): ImageManifest {
  const parsed = parseManifest(raw, mediaType);
  if (parsed.kind === "manifest") return parsed;
  throw new EngineError("invalid_argument", "a manifest list cannot stand in a manifest list");
}

/** The name in its whole form, with "latest" where it says no more. */
export function normalizeName(text: string): { ref: Reference; name: string } {
  const ref = parseReference(text);
  return { ref, name: canonicalString(ref) };
}

/** JSON of one manifest with all that is known of it, as Docker's `inspect -v` has it; not indented. */
export function describeVerbose({ ref, descriptor, raw }: ListedManifest): string {
  const { mediaType, digest, size, platform } = descriptor;
  const known = { mediaType, digest, size, platform: orderPlatform(platform) };
  const field = mediaType === dockerManifest ? "SchemaV2Manifest" : "OCIManifest";
  const members = [
    `"Ref":${JSON.stringify(ref)}`,
    `"Descriptor":${JSON.stringify(known)}`,
    `"Raw":${JSON.stringify(Buffer.from(raw).toString("base64"))}`,
    // The document's own text: numbers and escapes stay as they are.
    ...(isManifestType(mediaType) ? [`"${field}":${new TextDecoder().decode(raw)}`] : []),
  ];
  return `{${members.join(",")}}`;
}
