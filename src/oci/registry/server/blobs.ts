import { checkDigest, isKnown, mayHaveRange, tagOf } from "./digests.ts";
import { parseRange } from "./range.ts";
import { emptyReply, RegistryError } from "./replies.ts";
import type { RegistryState } from "./state.ts";

/** GET and HEAD of a blob, whole or one range of it; its bytes go from the file to the socket. */
export async function readBlob(
  { content, repositories }: RegistryState,
  request: Request,
  name: string,
  reference: string,
): Promise<Response> {
  const digest = checkDigest(reference);
  const linked = await repositories.findLink(name, "_blobs", digest);
  const size = linked === undefined ? undefined : await content.size(digest);
  if (size === undefined) throw unknown();
  const headers = {
    "docker-content-digest": digest,
    "content-type": "application/octet-stream",
    "accept-ranges": "bytes",
    etag: tagOf(digest),
  };
  if (isKnown(request, digest)) return new Response(null, { status: 304, headers });
  if (request.method === "HEAD") {
    return new Response(null, { headers: { ...headers, "content-length": String(size) } });
  }
  const file = Bun.file(content.path(digest));
  const asked = mayHaveRange(request, digest) ? request.headers.get("range") : null;
  const range = parseRange(asked, size);
  if (range === undefined) return new Response(file, { headers });
  if (range === "unsatisfiable") {
    throw new RegistryError("SIZE_INVALID", "the range is not within the blob", {
      status: 416,
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
  { content, repositories }: RegistryState,
  name: string,
  reference: string,
): Promise<Response> {
  const digest = checkDigest(reference);
  return repositories.exclusively(async () => {
    if ((await repositories.findLink(name, "_blobs", digest)) === undefined) throw unknown();
    await repositories.unlink(name, "_blobs", digest);
    if (!(await repositories.isLinked(digest))) await content.remove(digest);
    return emptyReply(202);
  });
}

function unknown(): RegistryError {
  return new RegistryError("BLOB_UNKNOWN", "blob unknown to registry");
}
