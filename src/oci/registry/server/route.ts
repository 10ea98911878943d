import { deleteBlob, readBlob } from "./blobs.ts";
import { deleteManifest, putManifest, readManifest } from "./manifests.ts";
import { listReferrers } from "./referrers.ts";
import { jsonReply, RegistryError } from "./replies.ts";
import type { RegistryState } from "./state.ts";
import { listRepositories, listTags } from "./tags.ts";
import { appendUpload, beginUpload, cancelUpload, finishUpload, uploadStatus } from "./uploads.ts";

/** What a path below /v2/ names. Names may hold slashes, so the last fitting words decide. */
export async function route(state: RegistryState, request: Request): Promise<Response> {
  const url = new URL(request.url);
  const { pathname } = url;
  const method = request.method === "HEAD" ? "GET" : request.method;
  if (pathname === "/v2/" || pathname === "/v2")
    return when(method, { GET: async () => jsonReply({}) });
  if (pathname === "/v2/_catalog") {
    return when(method, { GET: () => listRepositories(state, url) });
  }
  const match =
    /^\/v2\/(.+)\/(?:(blobs\/uploads)\/([^/]*)|(manifests|blobs|referrers|tags)\/([^/]+))$/.exec(
      pathname,
    );
  const name = match?.[1] ?? "";
  const kind = match?.[2] ?? match?.[4];
  const reference = decode(match?.[3] ?? match?.[5] ?? "");
  if (kind !== undefined) state.repositories.directory(name);
  switch (kind) {
    case "manifests":
      return when(method, {
        GET: () => readManifest(state, request, name, reference),
        PUT: () => putManifest(state, request, url, name, reference),
        DELETE: () => deleteManifest(state, name, reference),
      });
    case "blobs":
      return when(method, {
        GET: () => readBlob(state, request, name, reference),
        DELETE: () => deleteBlob(state, name, reference),
        // Some clients leave out the slash after "uploads".
        ...(reference === "uploads" ? { POST: () => beginUpload(state, request, url, name) } : {}),
      });
    case "blobs/uploads":
      return reference === ""
        ? when(method, { POST: () => beginUpload(state, request, url, name) })
        : when(method, {
            GET: () => uploadStatus(state, name, reference),
            PATCH: () => appendUpload(state, request, name, reference),
            PUT: () => finishUpload(state, request, url, name, reference),
            DELETE: () => cancelUpload(state, name, reference),
          });
    case "referrers":
      return when(method, { GET: () => listReferrers(state, url, name, reference) });
    case "tags":
      if (reference === "list") return when(method, { GET: () => listTags(state, url, name) });
      break;
    default:
      break;
  }
  throw new RegistryError("NAME_UNKNOWN", "no such resource");
}

async function when(
  method: string,
  handlers: Partial<Record<string, () => Promise<Response>>>,
): Promise<Response> {
  const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
  if (handler === undefined) {
    const allow = Object.keys(handlers).join(", ");
    throw new RegistryError("UNSUPPORTED", "the operation is unsupported", { headers: { allow } });
  }
  return handler();
}

/** "sha256%3A…" is what some clients make of a digest. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
