import { type Digest, type DigestAlgorithm, parseDigest } from "../../digest.ts";
import { isRepositoryPath } from "../../reference.ts";
import { checkDigest } from "./digests.ts";
import { parseContentRange } from "./range.ts";
import { emptyReply, RegistryError } from "./replies.ts";
import type { RegistryState } from "./state.ts";
import { type ChunkRange, uploadHeaders } from "./upload-store.ts";

/** POST: begins an upload, takes a whole blob at once, or borrows one from another repository. */
export async function beginUpload(
  state: RegistryState,
  request: Request,
  url: URL,
  name: string,
): Promise<Response> {
  const mount = url.searchParams.get("mount");
  const from = url.searchParams.get("from");
  if (mount !== null && (await mountBlob(state, name, checkDigest(mount), from))) {
    return created(name, checkDigest(mount));
  }
  const digest = url.searchParams.get("digest");
  const id = await state.uploads.create(name, algorithmOf(url, digest));
  if (digest === null) return emptyReply(202, uploadHeaders(name, id, 0));
  try {
    await state.uploads.append(name, id, request.body, undefined);
    await state.uploads.commit(name, id, checkDigest(digest));
  } catch (error) {
    await state.uploads.cancel(name, id).catch(() => undefined);
    throw error;
  }
  return created(name, checkDigest(digest));
}

/** What the blob will be called by, as far as the client has said it. */
function algorithmOf(url: URL, digest: string | null): DigestAlgorithm {
  if (digest !== null) return parseDigest(checkDigest(digest)).algorithm;
  const algorithm = url.searchParams.get("digest-algorithm") ?? "sha256";
  if (algorithm === "sha256" || algorithm === "sha512") return algorithm;
  throw new RegistryError("DIGEST_INVALID", "unsupported digest algorithm");
}

/** Without `from`, any repository will do: who may read one may read all. */
async function mountBlob(
  { repositories, content }: RegistryState,
  name: string,
  digest: Digest,
  from: string | null,
): Promise<boolean> {
  if (from !== null && !isRepositoryPath(from)) return false;
  return repositories.exclusively(async () => {
    const isThere =
      from === null
        ? await repositories.isLinked(digest, ["_blobs"])
        : (await repositories.findLink(from, "_blobs", digest)) !== undefined;
    if (!isThere || !(await content.has(digest))) return false;
    await repositories.link(name, "_blobs", digest);
    return true;
  });
}

/** PATCH: one more chunk. */
export async function appendUpload(
  state: RegistryState,
  request: Request,
  name: string,
  id: string,
): Promise<Response> {
  const size = await state.uploads.append(name, id, request.body, chunkRange(request));
  return emptyReply(202, uploadHeaders(name, id, size));
}

/** PUT: the last chunk, perhaps empty, and the digest of it all. */
export async function finishUpload(
  state: RegistryState,
  request: Request,
  url: URL,
  name: string,
  id: string,
): Promise<Response> {
  const digest = checkDigest(url.searchParams.get("digest") ?? "");
  await state.uploads.append(name, id, request.body, chunkRange(request));
  await state.uploads.commit(name, id, digest);
  return created(name, digest);
}

export async function uploadStatus(
  state: RegistryState,
  name: string,
  id: string,
): Promise<Response> {
  const size = await state.uploads.size(name, id);
  return new Response(null, { status: 204, headers: uploadHeaders(name, id, size) });
}

export async function cancelUpload(
  state: RegistryState,
  name: string,
  id: string,
): Promise<Response> {
  await state.uploads.cancel(name, id);
  return new Response(null, { status: 204 });
}

function created(name: string, digest: Digest): Response {
  return emptyReply(201, {
    location: `/v2/${name}/blobs/${digest}`,
    "docker-content-digest": digest,
  });
}

function chunkRange(request: Request): ChunkRange | undefined {
  const header = request.headers.get("content-range");
  if (header === null) return undefined;
  const length = request.headers.get("content-length");
  // An empty last chunk is written "N-N" by some clients and "N-(N-1)" by others.
  const isEmpty = request.body === null || length === "0";
  const range = parseContentRange(header, isEmpty);
  if (range === undefined) {
    throw new RegistryError("BLOB_UPLOAD_INVALID", "invalid Content-Range", { status: 416 });
  }
  if (length !== null && range.length !== undefined && Number(length) !== range.length) {
    throw new RegistryError("SIZE_INVALID", "Content-Length is not that of the Content-Range");
  }
  return range;
}
