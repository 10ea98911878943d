import { EngineError } from "../../../errors.ts";
import type { Descriptor } from "../../descriptor.ts";
import { type Digest, digestOf, isDigest, verifyBytes } from "../../digest.ts";
import { type ImageIndex, type ImageManifest, manifestCap, parseManifest } from "../../manifest.ts";
import { parseContentType } from "../../media-types.ts";
import { isTag } from "../../reference.ts";
import { isKnown, tagOf } from "./digests.ts";
import { emptyReply, RegistryError } from "./replies.ts";
import type { RegistryState } from "./state.ts";

/** GET and HEAD of a manifest by tag or digest: the very bytes and content type that were pushed. */
export async function readManifest(
  state: RegistryState,
  request: Request,
  name: string,
  reference: string,
): Promise<Response> {
  const { digest, contentType } = await findManifest(state, name, reference);
  const size = await state.content.size(digest);
  if (size === undefined) throw unknown();
  const headers = {
    "content-type": contentType,
    "docker-content-digest": digest,
    etag: tagOf(digest),
  };
  if (isKnown(request, digest)) return new Response(null, { status: 304, headers });
  if (request.method === "HEAD") {
    return new Response(null, { headers: { ...headers, "content-length": String(size) } });
  }
  return new Response(Buffer.from(await state.content.read(digest, manifestCap)), { headers });
}

export async function putManifest(
  state: RegistryState,
  request: Request,
  url: URL,
  name: string,
  reference: string,
): Promise<Response> {
  const tags = pushedTags(url, reference);
  const bytes = await readBody(request);
  const header = request.headers.get("content-type") ?? "";
  const manifest = parsePushed(bytes, header);
  const digest = isDigest(reference) ? reference : digestOf(bytes);
  if (isDigest(reference)) checkPushedDigest(bytes, reference);
  await state.repositories.exclusively(async () => {
    await checkContent(state, name, manifest);
    await state.content.write(bytes, digest);
    await state.repositories.link(name, "_manifests", digest, header || manifest.mediaType);
    await addReferrer(state, name, digest, manifest);
    for (const tag of tags) await state.repositories.setTag(name, tag, digest);
  });
  return emptyReply(201, {
    location: `/v2/${name}/manifests/${reference}`,
    "docker-content-digest": digest,
    ...(manifest.subject === undefined ? {} : { "oci-subject": manifest.subject.digest }),
    ...(isDigest(reference) && tags.length > 0 ? { "oci-tag": tags.join(", ") } : {}),
  });
}

/** The tags a manifest gets: the one it is pushed by, or those that go with its digest (`?tag=a&tag=b`). */
function pushedTags(url: URL, reference: string): string[] {
  const isTagged: boolean = !isDigest(reference);
  if (isTagged && reference.includes(":")) {
    throw new RegistryError("DIGEST_INVALID", "invalid digest");
  }
  const tags = isTagged ? [reference] : url.searchParams.getAll("tag");
  if (!tags.every(isTag)) throw new RegistryError("MANIFEST_INVALID", "invalid tag");
  if (tags.length > maxTags) {
    throw new RegistryError("UNSUPPORTED", `more than ${maxTags} tags at once`, { status: 414 });
  }
  return tags;
}

const maxTags = 100;

/** By tag only the name goes; by digest the manifest and every tag of it. */
export async function deleteManifest(
  state: RegistryState,
  name: string,
  reference: string,
): Promise<Response> {
  const { repositories, content } = state;
  return repositories.exclusively(async () => {
    const { digest, contentType } = await findManifest(state, name, reference);
    if (!isDigest(reference)) {
      await repositories.removeTag(name, reference);
      return emptyReply(202);
    }
    for (const tag of await repositories.tags(name)) {
      if ((await repositories.findTag(name, tag)) === digest)
        await repositories.removeTag(name, tag);
    }
    const bytes = await content.read(digest, manifestCap).catch(() => undefined);
    const subject = bytes === undefined ? undefined : subjectOf(bytes, contentType);
    if (subject !== undefined) await repositories.removeReferrer(name, subject, digest);
    await repositories.unlink(name, "_manifests", digest);
    if (!(await repositories.isLinked(digest))) await content.remove(digest);
    return emptyReply(202);
  });
}

async function findManifest(state: RegistryState, name: string, reference: string) {
  const { repositories } = state;
  const byDigest: boolean = isDigest(reference);
  if (!byDigest && reference.includes(":")) {
    throw new RegistryError("DIGEST_INVALID", "invalid digest");
  }
  const digest = byDigest ? reference : await repositories.findTag(name, reference);
  const contentType =
    digest === undefined ? undefined : await repositories.findLink(name, "_manifests", digest);
  if (digest === undefined || contentType === undefined) throw unknown();
  return { digest, contentType };
}

async function readBody(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > manifestCap) {
      throw new RegistryError("MANIFEST_INVALID", `manifest is larger than ${manifestCap} bytes`, {
        status: 413,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function parsePushed(bytes: Uint8Array, header: string): ImageIndex | ImageManifest {
  if (header.length > 256 || /[^\x20-\x7e]/.test(header)) {
    throw new RegistryError("MANIFEST_INVALID", "invalid Content-Type");
  }
  try {
    return parseManifest(bytes, parseContentType(header));
  } catch (error) {
    if (error instanceof EngineError) throw new RegistryError("MANIFEST_INVALID", error.message);
    throw error;
  }
}

function checkPushedDigest(bytes: Uint8Array, digest: Digest): void {
  try {
    verifyBytes(bytes, digest, undefined, "manifest");
  } catch (error) {
    if (error instanceof EngineError) throw new RegistryError("DIGEST_INVALID", error.message);
    throw error;
  }
}

/** Everything a manifest names must be there already, so that what can be pulled can be pulled whole. */
async function checkContent(
  state: RegistryState,
  name: string,
  manifest: ImageIndex | ImageManifest,
): Promise<void> {
  const isIndex = manifest.kind === "index";
  const needed: Descriptor[] =
    manifest.kind === "index"
      ? manifest.manifests
      : [manifest.config, ...manifest.layers.filter((layer) => !isForeign(layer.mediaType))];
  for (const { digest } of needed) {
    const kind = isIndex ? "_manifests" : "_blobs";
    const linked = await state.repositories.findLink(name, kind, digest);
    if (linked === undefined || !(await state.content.has(digest))) {
      throw new RegistryError("MANIFEST_BLOB_UNKNOWN", `content is missing: ${digest}`);
    }
  }
}

/** Layers that their owner does not let anybody copy; no registry holds them. */
function isForeign(mediaType: string): boolean {
  return mediaType.includes(".foreign.") || mediaType.includes(".nondistributable.");
}

async function addReferrer(
  state: RegistryState,
  name: string,
  digest: Digest,
  manifest: ImageIndex | ImageManifest,
): Promise<void> {
  const { subject, annotations } = manifest;
  if (subject === undefined) return;
  const fallback = manifest.kind === "manifest" ? manifest.config.mediaType : undefined;
  const artifactType = manifest.artifactType ?? fallback;
  const descriptor = {
    mediaType: manifest.mediaType,
    digest,
    size: manifest.raw.byteLength,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  await state.repositories.addReferrer(name, subject.digest, digest, JSON.stringify(descriptor));
}

function subjectOf(bytes: Uint8Array, contentType: string): Digest | undefined {
  try {
    return parseManifest(bytes, parseContentType(contentType)).subject?.digest;
  } catch {
    return undefined;
  }
}

function unknown(): RegistryError {
  return new RegistryError("MANIFEST_UNKNOWN", "manifest unknown");
}
