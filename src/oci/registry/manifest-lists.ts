import { EngineError } from "../../errors.ts";
import { configCap, parseConfig } from "../config.ts";
import { type Digest, digestOf } from "../digest.ts";
import { parseManifest } from "../manifest.ts";
import {
  blobsOf,
  buildList,
  type ListedManifest,
  normalizeName,
  readImageManifest,
} from "../manifest-list.ts";
import { canonicalName, canonicalString, type Reference } from "../reference.ts";
import type { ImageSource, ImageTarget, ResolvedManifest } from "./types.ts";

/** What a name leads to at its registry. */
export type FoundManifest =
  | { kind: "manifest"; manifest: ListedManifest }
  | { kind: "list"; raw: Uint8Array; mediaType: string };

/** Throws not_found in Docker's words. */
export async function findManifest(source: ImageSource, ref: Reference): Promise<FoundManifest> {
  const { descriptor, bytes } = await resolve(source, ref);
  const parsed = parseManifest(bytes, descriptor.mediaType);
  if (parsed.kind === "index") return { kind: "list", raw: bytes, mediaType: parsed.mediaType };
  const config = await source.blobBytes(ref, parsed.config, configCap);
  const { platform } = parseConfig(config);
  const name = canonicalString(ref);
  return {
    kind: "manifest",
    manifest: { ref: name, descriptor: { ...descriptor, platform }, raw: bytes },
  };
}

async function resolve(source: ImageSource, ref: Reference): Promise<ResolvedManifest> {
  try {
    return await source.resolve(ref);
  } catch (cause) {
    if (!(cause instanceof EngineError) || cause.code !== "not_found") throw cause;
    const message = `no such manifest: ${canonicalString(ref)}`;
    throw new EngineError("not_found", message, { cause });
  }
}

/** The one manifest of a name, to stand in a list. */
export async function fetchForList(source: ImageSource, ref: Reference): Promise<ListedManifest> {
  const found = await findManifest(source, ref);
  if (found.kind === "manifest") return found.manifest;
  throw new EngineError("invalid_argument", `${canonicalString(ref)} is a manifest list`);
}

/** The manifests of a list, with the platforms that the list gives them. */
export async function fetchListed(
  source: ImageSource,
  ref: Reference,
  list: Extract<FoundManifest, { kind: "list" }>,
): Promise<ListedManifest[]> {
  const parsed = parseManifest(list.raw, list.mediaType);
  const entries = parsed.kind === "index" ? parsed.manifests : [];
  const found: ListedManifest[] = [];
  for (const entry of entries) {
    const raw = await source.manifest(ref, entry);
    const { mediaType, digest, size } = entry;
    const platform = entry.platform ?? { os: "", architecture: "" };
    const name = canonicalString({ ...ref, digest });
    found.push({ ref: name, descriptor: { mediaType, digest, size, platform }, raw });
  }
  return found;
}

/** The list's own repository has its manifests already; from others of the same registry they are brought. */
export interface ListPush {
  bytes: Uint8Array<ArrayBuffer>;
  mediaType: string;
  foreign: { manifest: ListedManifest; from: Reference; blobs: Digest[] }[];
}

/** Decides what a push of a list has to do. Throws invalid_argument. */
export function planListPush(target: Reference, manifests: readonly ListedManifest[]): ListPush {
  const foreign: ListPush["foreign"] = [];
  for (const manifest of manifests) {
    const from = normalizeName(manifest.ref).ref;
    if (from.domain !== target.domain) {
      throw new EngineError(
        "invalid_argument",
        `cannot use source images from a different registry than the target image: ${from.domain} != ${target.domain}`,
      );
    }
    readImageManifest(manifest.raw, manifest.descriptor.mediaType);
    if (from.path !== target.path) foreign.push({ manifest, from, blobs: blobsOf(manifest) });
  }
  return { ...buildList(manifests), foreign };
}

/** Sends a list under the target's tag, every byte as it was; resolves with its digest. */
export async function pushList(
  target: Reference,
  { bytes, mediaType, foreign }: ListPush,
  registry: Pick<ImageTarget, "mountBlob" | "hasBlob" | "putManifest">,
  pushed: (ref: string, digest: Digest) => void,
): Promise<Digest> {
  for (const { from, blobs } of foreign) {
    for (const digest of blobs) {
      if (await registry.mountBlob(digest, from.path)) continue;
      // Asked too, it says why nothing may be written.
      if (await registry.hasBlob(digest)) continue;
      const name = `${canonicalName(from)}@${digest}`;
      throw new EngineError("unavailable", `error mounting ${name} to ${canonicalString(target)}`, {
        hint: "this registry does not take blobs from its other repositories: push the image to the list's own",
      });
    }
  }
  for (const { manifest } of foreign) {
    const { descriptor, raw } = manifest;
    await registry.putManifest(descriptor.digest, descriptor, new Uint8Array(raw));
    pushed(`${canonicalName(target)}@${descriptor.digest}`, descriptor.digest);
  }
  const digest = digestOf(bytes);
  const descriptor = { mediaType, digest, size: bytes.length };
  await registry.putManifest(target.digest ?? target.tag ?? "latest", descriptor, bytes);
  return digest;
}
