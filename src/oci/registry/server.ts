import { EngineError, messageOf } from "../../errors.ts";
import {
  appendUpload,
  beginUpload,
  cancelUpload,
  deleteBlob,
  finishUpload,
  readBlob,
  uploadStatus,
} from "./server/blobs.ts";
import { listReferrers, listRepositories, listTags } from "./server/listings.ts";
import { deleteManifest, putManifest, readManifest } from "./server/manifests.ts";
import { errorReply, jsonReply, RegistryError } from "./server/replies.ts";
import { openState, type RegistryState } from "./server/state.ts";

export interface RegistryOptions {
  /** Directory of the registry; made if absent. */
  root: string;
  /** Called before anything else; a Response it gives is the answer (401 with a challenge, say). */
  authorize?: (request: Request) => Promise<Response | undefined>;
  /** Told of failures that are the server's own. */
  onError?: (error: unknown) => void;
}

/** A registry without a socket: the distribution specification as a function. */
export interface Registry {
  fetch(request: Request): Promise<Response>;
}

export interface ServeOptions extends RegistryOptions {
  listen: { hostname: string; port: number };
  /** PEM texts; plain http if absent. */
  tls?: { cert: string; key: string };
}

export interface RunningRegistry {
  /** "http://127.0.0.1:5000" */
  url: string;
  port: number;
  /** Stops listening and ends open connections. */
  stop(): Promise<void>;
}

/** Opens a registry over a directory. */
export async function createRegistry(options: RegistryOptions): Promise<Registry> {
  const state = await openState(options.root);
  return {
    async fetch(request) {
      try {
        const refused = await options.authorize?.(request);
        return withVersion(refused ?? (await route(state, request)));
      } catch (error) {
        return withVersion(errorReply(toRegistryError(error, options.onError), request.method));
      }
    },
  };
}

/** Opens a registry and serves it. Throws unavailable if the address cannot be listened on. */
export async function serveRegistry(options: ServeOptions): Promise<RunningRegistry> {
  const registry = await createRegistry(options);
  const { hostname, port } = options.listen;
  try {
    const server = Bun.serve({
      hostname,
      port,
      // Blobs take as long and are as large as they are; both are written to a file as they come.
      idleTimeout: 0,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: (request) => registry.fetch(request),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    });
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    const scheme = options.tls === undefined ? "http" : "https";
    const actual = server.port ?? port;
    return {
      url: `${scheme}://${host}:${actual}`,
      port: actual,
      stop: () => server.stop(true),
    };
  } catch (cause) {
    throw new EngineError(
      "unavailable",
      `cannot listen on ${hostname}:${port}: ${messageOf(cause)}`,
      {
        cause,
        hint: "choose another address with --listen",
      },
    );
  }
}

/** What a path below /v2/ names. Names may hold slashes, so the last fitting words decide. */
async function route(state: RegistryState, request: Request): Promise<Response> {
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
        PUT: () => putManifest(state, request, name, reference),
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

function withVersion(response: Response): Response {
  response.headers.set("docker-distribution-api-version", "registry/2.0");
  return response;
}

function toRegistryError(error: unknown, onError: RegistryOptions["onError"]): RegistryError {
  if (error instanceof RegistryError) return error;
  onError?.(error);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "unavailable") {
    return new RegistryError("UNKNOWN", "the registry's disk is full", { status: 507 });
  }
  return new RegistryError("UNKNOWN", "the registry failed; see its log");
}
