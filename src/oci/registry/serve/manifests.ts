import { EngineError } from "../../../errors.ts";
import { type Digest, digestOf, isDigest } from "../../digest.ts";
import { isRecord } from "../../json.ts";
import { type ImageIndex, type ImageManifest, manifestCap, parseManifest } from "../../manifest.ts";
import { ociIndex, parseContentType } from "../../media-types.ts";
import { isTag } from "../../reference.ts";
import { checkDigest, type RegistryParts } from "./blobs.ts";
import { RegistryError } from "./errors.ts";

/** GET, HEAD, PUT and DELETE of a manifest by tag or digest. */
export async function handleManifest(
  parts: RegistryParts,
  request: Request,
  name: string,
  reference: string,
): Promise<Response> {
  if (!isTag(reference) && !isDigest(reference)) {
    throw new RegistryError(
      "MANIFEST_INVALID",
      `invalid reference: ${JSON.stringify(String(reference).slice(0, 160))}`,
    );
  }
  if (request.method === "PUT") return await put(parts, request, name, reference);
  if (request.method === "DELETE") return await remove(parts, name, reference);
  const { repositories, content } = parts;
  const digest = isDigest(reference) ? reference : await repositories.tagDigest(name, reference);
  const contentType =
    digest === undefined ? undefined : await repositories.manifestType(name, digest);
  if (digest === undefined || contentType === undefined) throw unknownManifest(reference);
  const bytes = await content.read(digest, manifestCap);
  return new Response(request.method === "HEAD" ? null : bytes, {
    headers: {
      "Content-Type": contentType,
      "Content-Length": String(bytes.byteLength),
      "Docker-Content-Digest": digest,
      ETag: `"${digest}"`,
    },
  });
}

async function put(
  parts: RegistryParts,
  request: Request,
  name: string,
  reference: string,
): Promise<Response> {
  const bytes = await readCapped(request);
  const digest =
    isDigest(reference) && reference.startsWith("sha512:") ? reference : digestOf(bytes);
  if (isDigest(reference) && reference !== digest) {
    throw new RegistryError("DIGEST_INVALID", `the manifest does not have the digest ${reference}`);
  }
  const contentType = request.headers.get("content-type") ?? "";
  const manifest = parse(bytes, contentType);
  await checkParts(parts, name, manifest);
  await parts.content.write(bytes, digest);
  await parts.repositories.addManifest(name, digest, contentType || manifest.mediaType);
  if (!isDigest(reference)) await parts.repositories.setTag(name, reference, digest);
  return new Response(null, {
    status: 201,
    headers: {
      Location: `/v2/${name}/manifests/${digest}`,
      "Docker-Content-Digest": digest,
      ...(manifest.subject === undefined ? {} : { "OCI-Subject": manifest.subject.digest }),
    },
  });
}

async function readCapped(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > manifestCap)
      throw new RegistryError("SIZE_INVALID", `the manifest is larger than ${manifestCap} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Uint8Array, contentType: string): ImageIndex | ImageManifest {
  try {
    return parseManifest(bytes, parseContentType(contentType));
  } catch (error) {
    if (error instanceof EngineError) throw new RegistryError("MANIFEST_INVALID", error.message);
    throw error;
  }
}

/** A manifest is taken only with all that it names; an index may come before the manifests of other platforms. */
async function checkParts(
  { repositories, content }: RegistryParts,
  name: string,
  manifest: ImageIndex | ImageManifest,
): Promise<void> {
  if (manifest.kind === "index") return;
  for (const { digest } of [manifest.config, ...manifest.layers]) {
    if ((await repositories.hasBlob(name, digest)) && (await content.has(digest))) continue;
    throw new RegistryError(
      "MANIFEST_BLOB_UNKNOWN",
      `the manifest names a blob that was not pushed: ${digest}`,
    );
  }
}

async function remove(
  { repositories }: RegistryParts,
  name: string,
  reference: string,
): Promise<Response> {
  const removed = isDigest(reference)
    ? await repositories.removeManifest(name, reference)
    : await repositories.removeTag(name, reference);
  if (!removed) throw unknownManifest(reference);
  return new Response(null, { status: 202 });
}

/** Manifests whose subject is `text`, as an index; perhaps of one artifact type only. */
export async function handleReferrers(
  parts: RegistryParts,
  name: string,
  text: string,
  query: URLSearchParams,
): Promise<Response> {
  const subject = checkDigest(text);
  const wanted = query.get("artifactType");
  const manifests: Record<string, unknown>[] = [];
  for (const digest of await parts.repositories.manifests(name)) {
    const described = await describe(parts, digest, subject);
    if (described === undefined || (wanted !== null && described["artifactType"] !== wanted))
      continue;
    manifests.push(described);
  }
  const filtered = wanted === null ? {} : { "OCI-Filters-Applied": "artifactType" };
  return new Response(JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests }), {
    headers: { "Content-Type": ociIndex, ...filtered },
  });
}

async function describe(
  parts: RegistryParts,
  digest: Digest,
  subject: Digest,
): Promise<Record<string, unknown> | undefined> {
  const bytes = await parts.content.read(digest, manifestCap).catch(() => undefined);
  if (bytes === undefined) return undefined;
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  const manifest = parseManifest(bytes);
  if (manifest.subject?.digest !== subject || !isRecord(value)) return undefined;
  const artifactType =
    manifest.artifactType ?? (manifest.kind === "manifest" ? manifest.config.mediaType : undefined);
  return {
    mediaType: manifest.mediaType,
    digest,
    size: bytes.byteLength,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
}

function unknownManifest(reference: string): RegistryError {
  return new RegistryError("MANIFEST_UNKNOWN", `manifest unknown: ${reference}`);
}
