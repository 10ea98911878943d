import { type Digest, isDigest } from "../../digest.ts";
import { isRepositoryPath } from "../../reference.ts";
import { parseRange } from "./range.ts";
import { emptyReply, RegistryError } from "./replies.ts";
import type { RegistryState } from "./state.ts";
import { uploadHeaders } from "./uploads.ts";

/** GET and HEAD of a blob, whole or one range of it. */
export async function readBlob(
  state: RegistryState,
  request: Request,
  name: string,
  reference: string,
): Promise<Response> {
  const digest = checkDigest(reference);
  const linked = await state.repositories.findLink(name, "_blobs", digest);
  const size = linked === undefined ? undefined : await state.content.size(digest);
  if (size === undefined) throw new RegistryError("BLOB_UNKNOWN", "blob unknown to registry");
  const headers = {
    "docker-content-digest": digest,
    "content-type": "application/octet-stream",
    "accept-ranges": "bytes",
    etag: `"${digest}"`,
  };
  if (request.method === "HEAD") {
    return new Response(null, { headers: { ...headers, "content-length": String(size) } });
  }
  const file = Bun.file(state.content.path(digest));
  const range = parseRange(request.headers.get("range"), size);
  if (range === undefined) return new Response(file, { headers });
  if (range === "unsatisfiable") {
    throw new RegistryError("RANGE_INVALID", "the range is not within the blob", {
      headers: { "content-range": `bytes */${size}` },
    });
  }
  const { start, end } = range;
  return new Response(file.slice(start, end + 1), {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${start}-${end}/${size}` },
  });
}

export async function deleteBlob(
  state: RegistryState,
  name: string,
  reference: string,
): Promise<Response> {
  const digest = checkDigest(reference);
  return state.repositories.exclusively(async () => {
    if ((await state.repositories.findLink(name, "_blobs", digest)) === undefined) {
      throw new RegistryError("BLOB_UNKNOWN", "blob unknown to registry");
    }
    await state.repositories.unlink(name, "_blobs", digest);
    if (!(await state.repositories.isLinked(digest))) await state.content.remove(digest);
    return emptyReply(202);
  });
}

/** POST: begins an upload, takes a whole blob at once, or borrows one from another repository. */
export async function beginUpload(
  state: RegistryState,
  request: Request,
  url: URL,
  name: string,
): Promise<Response> {
  const mount = url.searchParams.get("mount");
  const from = url.searchParams.get("from");
  if (mount !== null && isDigest(mount) && (await mountBlob(state, name, mount, from))) {
    return created(name, mount);
  }
  const digest = url.searchParams.get("digest");
  if (digest !== null) checkDigest(digest);
  const id = await state.uploads.create(name);
  if (digest === null) return emptyReply(202, uploadHeaders(name, id, 0));
  try {
    await state.uploads.append(name, id, bodyOf(request), undefined);
    await state.uploads.commit(name, id, digest);
  } catch (error) {
    await state.uploads.cancel(name, id).catch(() => undefined);
    throw error;
  }
  return created(name, digest);
}

async function mountBlob(
  state: RegistryState,
  name: string,
  digest: Digest,
  from: string | null,
): Promise<boolean> {
  if (from === null || !isRepositoryPath(from)) return false;
  return state.repositories.exclusively(async () => {
    if ((await state.repositories.findLink(from, "_blobs", digest)) === undefined) return false;
    if (!(await state.content.has(digest))) return false;
    await state.repositories.link(name, "_blobs", digest);
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
  const size = await state.uploads.append(name, id, bodyOf(request), chunkRange(request));
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
  await state.uploads.append(name, id, bodyOf(request), chunkRange(request));
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

/** The Content-Range of a chunk, "0-1023", without the unit that HTTP would have. */
function chunkRange(request: Request): { start: number; length: number | undefined } | undefined {
  const header = request.headers.get("content-range");
  if (header === null) return undefined;
  const match = /^(?:bytes )?([0-9]{1,15})-([0-9]{1,15})(?:\/(?:[0-9]{1,15}|\*))?$/.exec(header);
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  if (match === null) throw new RegistryError("RANGE_INVALID", "invalid Content-Range");
  // An empty last chunk is written "N-N" by some clients and "N-(N-1)" by others.
  const isEmpty = request.body === null || request.headers.get("content-length") === "0";
  if (isEmpty) return { start, length: undefined };
  if (end < start) throw new RegistryError("RANGE_INVALID", "invalid Content-Range");
  return { start, length: end - start + 1 };
}

function bodyOf(request: Request): AsyncIterable<Uint8Array> | null {
  return request.body;
}

export function checkDigest(text: string): Digest {
  if (!isDigest(text)) throw new RegistryError("DIGEST_INVALID", "invalid digest");
  return text;
}
