/** A registry that lies or fails as a test wants it to: this process answers, the world connects. */
import type { Server } from "bun";
import type { Image } from "../../scripts/image.ts";
import { relay } from "./registry.ts";
import type { World } from "./world.ts";

/** Answers a request, or leaves it to the honest part. */
export type Answer = (
  request: Request,
  url: URL,
) => Response | undefined | Promise<Response | undefined>;

interface TlsFiles {
  cert: string;
  key: string;
}

export class FakeRegistry implements Disposable {
  /** "127.0.0.1:5002" */
  readonly host: string;
  /** Paths asked for so far, with their method. */
  readonly asked: string[] = [];
  answer: Answer = () => undefined;
  readonly #images = new Map<string, Image>();
  readonly #server: Server<undefined>;

  private constructor(host: string, socket: string, tls: TlsFiles | undefined) {
    this.host = host;
    const files = tls && { cert: Bun.file(tls.cert), key: Bun.file(tls.key) };
    this.#server = Bun.serve({
      ...{ unix: socket, fetch: (request: Request) => this.#serve(request) },
      ...(files === undefined ? {} : { tls: files }),
    });
    this.#server.unref();
  }

  /** `address` is one that the world has. */
  static async start(
    world: World,
    { address = "127.0.0.1", tls }: { address?: string; tls?: TlsFiles } = {},
  ): Promise<FakeRegistry> {
    const port = world.nextPort();
    const socket = world.path(`fake-${port}.sock`);
    const registry = new FakeRegistry(`${address}:${port}`, socket, tls);
    await relay(world, `tcp:${registry.host}`, `unix:${socket}`);
    return registry;
  }

  /** Serves `image` as `name`, "library/x:latest". */
  serve(name: string, image: Image): void {
    this.#images.set(name, image);
    this.#images.set(`${name.slice(0, name.lastIndexOf(":"))}:${image.digest}`, image);
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }

  async #serve(request: Request): Promise<Response> {
    const url = new URL(request.url);
    this.asked.push(`${request.method} ${url.pathname}`);
    return (await this.answer(request, url)) ?? this.#honest(url.pathname);
  }

  #honest(path: string): Response {
    if (path === "/v2/") return Response.json({});
    const [, repository = "", kind, reference = ""] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
    if (kind === "manifests") {
      const image = this.#images.get(`${repository}:${reference}`);
      if (image !== undefined) return sendManifest(image);
    }
    for (const image of this.#images.values()) {
      const blob = image.blobs.get(reference);
      if (blob !== undefined) return new Response(new Uint8Array(blob));
    }
    return refuse(404, kind === "manifests" ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN", "not here");
  }
}

export function sendManifest(image: Image): Response {
  const headers = { "content-type": image.mediaType, "docker-content-digest": image.digest };
  return new Response(new Uint8Array(image.manifest), { headers });
}

/** An error in the registry protocol's own form. */
export function refuse(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ errors: [{ code, message }] }, { status, headers });
}
