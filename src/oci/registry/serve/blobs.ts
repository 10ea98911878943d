import { type Digest, isDigest } from "../../digest.ts";
import type { ContentStore } from "../../layout.ts";
import { isRepositoryPath } from "../../reference.ts";
import { RegistryError } from "./errors.ts";
import type { Repositories } from "./repositories.ts";
import { toRange, type Uploads } from "./uploads.ts";

export interface RegistryParts {
  content: ContentStore;
  repositories: Repositories;
  uploads: Uploads;
}

/** GET, HEAD and DELETE of a blob; GET takes one range. */
export async function handleBlob(
  parts: RegistryParts,
  request: Request,
  name: string,
  text: string,
): Promise<Response> {
  const digest = checkDigest(text);
  const { content, repositories } = parts;
  if (request.method === "DELETE") {
    if (!(await repositories.removeBlob(name, digest))) throw unknownBlob(digest);
    return new Response(null, { status: 202 });
  }
  const size = (await repositories.hasBlob(name, digest)) ? await content.size(digest) : undefined;
  if (size === undefined) throw unknownBlob(digest);
  const headers = {
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": digest,
    "Accept-Ranges": "bytes",
    ETag: `"${digest}"`,
  };
  const file = Bun.file(content.path(digest));
  const range = parseRange(request.headers.get("range"), size);
  if (range === "unsatisfiable") {
    throw new RegistryError("RANGE_INVALID", "the range is beyond the content", {
      "Content-Range": `bytes */${size}`,
    });
  }
  const [start, end] = range ?? [0, size];
  const body = request.method === "HEAD" ? null : range ? file.slice(start, end) : file;
  return new Response(body, {
    status: range ? 206 : 200,
    headers: {
      ...headers,
      "Content-Length": String(end - start),
      ...(range ? { "Content-Range": `bytes ${start}-${end - 1}/${size}` } : {}),
    },
  });
}

/** [start, end) of "bytes=a-b", "bytes=a-" or "bytes=-n"; undefined for none or for what is not understood. */
export function parseRange(
  header: string | null,
  size: number,
): [number, number] | "unsatisfiable" | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const first = match[1] === "" ? Math.max(size - Number(match[2]), 0) : Number(match[1]);
  const last = match[1] === "" || match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  return first > last || first >= size ? "unsatisfiable" : [first, last + 1];
}

/** POST: opens an upload, takes a whole blob with `?digest=`, or mounts one of another repository. */
export async function handleUploads(
  parts: RegistryParts,
  request: Request,
  name: string,
  query: URLSearchParams,
): Promise<Response> {
  const mount = query.get("mount");
  const from = query.get("from");
  if (mount !== null && from !== null && isDigest(mount) && isRepositoryPath(from)) {
    if ((await parts.repositories.hasBlob(from, mount)) && (await parts.content.has(mount))) {
      await parts.repositories.addBlob(name, mount);
      return created(name, mount);
    }
  }
  const id = await parts.uploads.create(name);
  const digest = query.get("digest");
  if (digest !== null) return await finish(parts, request, name, id, digest);
  return new Response(null, { status: 202, headers: progress(name, id, 0) });
}

/** GET, PATCH, PUT and DELETE of one upload. */
export async function handleUpload(
  parts: RegistryParts,
  request: Request,
  route: { name: string; id: string },
  query: URLSearchParams,
): Promise<Response> {
  const { name, id } = route;
  const { uploads } = parts;
  switch (request.method) {
    case "GET":
    case "HEAD":
      return new Response(null, {
        status: 204,
        headers: progress(name, id, await uploads.size(name, id)),
      });
    case "PATCH": {
      const size = await uploads.append(name, id, request.body, parseStart(request));
      return new Response(null, { status: 202, headers: progress(name, id, size) });
    }
    case "PUT":
      return await finish(parts, request, name, id, query.get("digest") ?? "");
    case "DELETE":
      await uploads.cancel(name, id);
      return new Response(null, { status: 204 });
    default:
      throw new RegistryError("UNSUPPORTED", `${request.method} is not for uploads`);
  }
}

async function finish(
  parts: RegistryParts,
  request: Request,
  name: string,
  id: string,
  text: string,
): Promise<Response> {
  const digest = checkDigest(text);
  await parts.uploads.append(name, id, request.body, parseStart(request));
  await parts.uploads.finish(name, id, digest, parts.content.path(digest));
  await parts.repositories.addBlob(name, digest);
  return created(name, digest);
}

/** Content-Range of a chunk, "a-b"; where it begins. */
function parseStart(request: Request): number | undefined {
  const header = request.headers.get("content-range");
  if (header === null) return undefined;
  const match = /^(?:bytes )?(\d{1,15})-(\d{1,15})(?:\/.*)?$/.exec(header);
  if (match === null) throw new RegistryError("RANGE_INVALID", "invalid Content-Range header");
  return Number(match[1]);
}

function progress(name: string, id: string, size: number): Record<string, string> {
  return {
    Location: `/v2/${name}/blobs/uploads/${id}`,
    Range: toRange(size),
    "Docker-Upload-UUID": id,
    "OCI-Chunk-Min-Length": "1",
  };
}

function created(name: string, digest: Digest): Response {
  const headers = { Location: `/v2/${name}/blobs/${digest}`, "Docker-Content-Digest": digest };
  return new Response(null, { status: 201, headers });
}

export function checkDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const shown = JSON.stringify(String(text).slice(0, 160));
  throw new RegistryError("DIGEST_INVALID", `invalid digest: ${shown}`);
}

function unknownBlob(digest: Digest): RegistryError {
  return new RegistryError("BLOB_UNKNOWN", `no such blob: ${digest}`);
}
