import { EngineError, messageOf } from "../../errors.ts";
import { ContentStore } from "../layout.ts";
import { handleBlob, handleUpload, handleUploads, type RegistryParts } from "./serve/blobs.ts";
import { RegistryError, toErrorResponse } from "./serve/errors.ts";
import { handleManifest, handleReferrers } from "./serve/manifests.ts";
import { Repositories } from "./serve/repositories.ts";
import { parseRoute, type Route } from "./serve/route.ts";
import { Uploads } from "./serve/uploads.ts";

export interface RegistryServerOptions {
  /** Where content and repositories are kept: an OCI image layout with more beside it. */
  root: string;
  listen: { hostname: string; port: number };
}

export interface RegistryServer {
  url: string;
  stop(): Promise<void>;
}

/** Serves the OCI distribution API (pull, push, content discovery and management) without authentication. */
export async function serveRegistry({
  root,
  listen,
}: RegistryServerOptions): Promise<RegistryServer> {
  const fetch = await createRegistry(root);
  try {
    const server = Bun.serve({
      ...listen,
      idleTimeout: 0,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch,
    });
    const host = listen.hostname.includes(":") ? `[${listen.hostname}]` : listen.hostname;
    return { url: `http://${host}:${server.port}`, stop: () => server.stop(true) };
  } catch (cause) {
    throw new EngineError(
      "unavailable",
      `listen on ${listen.hostname}:${listen.port}: ${messageOf(cause)}`,
      {
        cause,
        hint: "choose another address with --listen",
      },
    );
  }
}

/** The registry as a function from request to response. */
export async function createRegistry(
  root: string,
): Promise<(request: Request) => Promise<Response>> {
  const parts: RegistryParts = {
    content: await ContentStore.open(root),
    repositories: new Repositories(root),
    uploads: new Uploads(root),
  };
  return async (request) => {
    try {
      const response = await dispatch(parts, request);
      response.headers.set("Docker-Distribution-Api-Version", "registry/2.0");
      return response;
    } catch (error) {
      return toErrorResponse(toRegistryError(error));
    }
  };
}

/** The methods of each kind of path; any other is 405. */
const methods: Record<Route["kind"], string[]> = {
  base: ["GET", "HEAD"],
  catalog: ["GET"],
  tags: ["GET"],
  manifest: ["GET", "HEAD", "PUT", "DELETE"],
  blob: ["GET", "HEAD", "DELETE"],
  uploads: ["POST"],
  upload: ["GET", "HEAD", "PATCH", "PUT", "DELETE"],
  referrers: ["GET"],
};

async function dispatch(parts: RegistryParts, request: Request): Promise<Response> {
  const { pathname, searchParams: query } = new URL(request.url);
  const route = parseRoute(pathname);
  if (route === undefined) return new Response("404 page not found\n", { status: 404 });
  if (!methods[route.kind].includes(request.method)) {
    throw new RegistryError("UNSUPPORTED", `${request.method} is not supported here`);
  }
  switch (route.kind) {
    case "base":
      return Response.json({});
    case "catalog":
      return page("/v2/_catalog", query, await parts.repositories.names(), (repositories) => ({
        repositories,
      }));
    case "tags":
      return await listTags(parts, route.name, query);
    case "manifest":
      return await handleManifest(parts, request, route.name, route.reference);
    case "blob":
      return await handleBlob(parts, request, route.name, route.digest);
    case "uploads":
      return await handleUploads(parts, request, route.name, query);
    case "upload":
      return await handleUpload(parts, request, route, query);
    case "referrers":
      return await handleReferrers(parts, route.name, route.digest, query);
  }
}

async function listTags(
  { repositories }: RegistryParts,
  name: string,
  query: URLSearchParams,
): Promise<Response> {
  const tags = await repositories.tags(name);
  if (tags.length === 0 && (await repositories.manifests(name)).length === 0) {
    throw new RegistryError("NAME_UNKNOWN", `repository name not known to registry: ${name}`);
  }
  return page(`/v2/${name}/tags/list`, query, tags, (some) => ({ name, tags: some }));
}

/** `n` items after `last`, with a Link to the rest. */
function page(
  path: string,
  query: URLSearchParams,
  all: string[],
  build: (items: string[]) => object,
): Response {
  const last = query.get("last");
  const rest = last === null ? all : all.filter((item) => item > last);
  const limit = query.has("n") ? Number(query.get("n")) : rest.length;
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new RegistryError("UNSUPPORTED", "invalid number of results requested");
  }
  const items = rest.slice(0, limit);
  const hasMore = items.length > 0 && items.length < rest.length;
  const next = `<${path}?n=${limit}&last=${encodeURIComponent(items.at(-1) ?? "")}>; rel="next"`;
  return Response.json(build(items), { headers: hasMore ? { Link: next } : {} });
}

function toRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof EngineError && error.code === "unavailable")
    return new RegistryError("UNAVAILABLE", error.message);
  if (error instanceof EngineError && error.code === "not_found")
    return new RegistryError("MANIFEST_UNKNOWN", error.message);
  return new RegistryError("UNKNOWN", messageOf(error));
}
