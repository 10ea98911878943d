import { EngineError, messageOf } from "../../errors.ts";
import { errorReply, RegistryError } from "./server/replies.ts";
import { route } from "./server/route.ts";
import { openState } from "./server/state.ts";

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
  /** Removes uploads that nobody has gone on with for a day. */
  sweep(): Promise<void>;
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

/** A connection on which nothing moves is given up; longer than the largest blob takes to reach the disk. */
const silenceSeconds = 240;
const sweepMs = 3600 * 1000;

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
    sweep: () => state.uploads.sweep(Date.now()),
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
      // Blobs take as long and are as large as they are: they are written to a file as they come.
      idleTimeout: silenceSeconds,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: (request) => registry.fetch(request),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    });
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    const scheme = options.tls === undefined ? "http" : "https";
    const actual = server.port ?? port;
    const sweeping = setInterval(() => {
      registry.sweep().catch((error) => options.onError?.(error));
    }, sweepMs);
    sweeping.unref();
    return {
      url: `${scheme}://${host}:${actual}`,
      port: actual,
      stop: async () => {
        clearInterval(sweeping);
        await server.stop(true);
      },
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
