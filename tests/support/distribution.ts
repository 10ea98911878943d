/** A client of the distribution protocol, request by request, for tests of what a registry answers. */
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";
import { jsonOf } from "./json.ts";
import type { Registry } from "./registry.ts";

export const types = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

export interface Pushed {
  mediaType: string;
  digest: string;
  size: number;
}

/** The codes of the specification; a registry may answer with no other in a 4xx. */
const codes = new Set([
  ...["BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID"],
  ...["MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID"],
  ...["NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED"],
  "TOOMANYREQUESTS",
]);

export function digestOf(content: string | Uint8Array, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(content).digest("hex")}`;
}

/** Expects an error in the specification's shape, and returns nothing else. */
export async function expectError(reply: Response, status: number, code: string): Promise<void> {
  const { errors } = await jsonOf<{ errors: { code: string; message: unknown }[] }>(reply);
  expect([reply.status, errors[0]?.code]).toEqual([status, code]);
  for (const error of errors) {
    expect(codes).toContain(error.code);
    expect(error.message).toBeString();
  }
  expect(reply.headers.get("content-type")).toStartWith("application/json");
}

/** One repository of a registry. */
export class Repository {
  readonly name: string;
  readonly #registry: Registry;

  constructor(registry: Registry, name: string) {
    this.#registry = registry;
    this.name = name;
  }

  /** `path` is below the repository: "blobs/sha256:…". */
  async send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    return await this.#registry.request(`/v2/${this.name}/${path}`, { method, ...init });
  }

  async sendTo(location: string, method: string, init: RequestInit = {}): Promise<Response> {
    const { pathname, search } = new URL(location, this.#registry.url);
    return await this.#registry.request(pathname + search, { method, ...init });
  }

  /** Opens an upload and returns where it is. */
  async begin(query = ""): Promise<string> {
    const reply = await this.send("POST", `blobs/uploads/${query}`);
    expect(reply.status).toBe(202);
    return reply.headers.get("location") ?? "";
  }

  async patch(location: string, body: string | Uint8Array, range?: string): Promise<Response> {
    const headers = {
      "content-type": "application/octet-stream",
      ...(range === undefined ? {} : { "content-range": range }),
    };
    return await this.sendTo(location, "PATCH", { body: body as string, headers });
  }

  async finish(location: string, digest: string, init: RequestInit = {}): Promise<Response> {
    const url = new URL(location, this.#registry.url);
    url.searchParams.set("digest", digest);
    return await this.sendTo(url.href, "PUT", init);
  }

  async pushBlob(content: string, mediaType: string = types.layer): Promise<Pushed> {
    const digest = digestOf(content);
    const reply = await this.finish(await this.begin(), digest, { body: content });
    expect(reply.status).toBe(201);
    return { mediaType, digest, size: Buffer.byteLength(content) };
  }

  /** A manifest of one layer, both of which are pushed; `more` is added to it. */
  async image(content: string, more: object = {}): Promise<{ text: string } & Pushed> {
    const config = await this.pushBlob(`{"of":${JSON.stringify(content)}}`, types.config);
    const layers = [await this.pushBlob(content)];
    return manifestOf({ mediaType: types.manifest, config, layers, ...more });
  }

  async put(
    reference: string,
    manifest: { text: string; mediaType: string },
    query = "",
  ): Promise<Response> {
    return await this.send("PUT", `manifests/${reference}${query}`, {
      body: manifest.text,
      headers: { "content-type": manifest.mediaType },
    });
  }

  async pushImage(tag: string, content: string, more: object = {}): Promise<Pushed> {
    const image = await this.image(content, more);
    const reply = await this.put(tag, image);
    expect(reply.status).toBe(201);
    const { mediaType, digest, size } = image;
    return { mediaType, digest, size };
  }

  /** The status of a HEAD. */
  async has(path: string): Promise<number> {
    return (await this.send("HEAD", path)).status;
  }
}

export function manifestOf(
  parts: { mediaType: string } & Record<string, unknown>,
): { text: string } & Pushed {
  const text = JSON.stringify({ schemaVersion: 2, ...parts });
  return {
    text,
    mediaType: parts.mediaType,
    digest: digestOf(text),
    size: Buffer.byteLength(text),
  };
}

/** A connection on which bytes were sent as they are. */
export function openRaw(registry: Registry, text: string): Socket {
  const socket = connect({ path: registry.socket }, () => socket.write(text));
  socket.on("error", () => {});
  return socket;
}

/** Sends bytes as they are and returns the head of the answer, or of what came of it. */
export async function sendRaw(registry: Registry, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = openRaw(registry, text);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
    if (answer.includes("\r\n\r\n")) socket.destroy();
  });
  socket.on("close", () => resolve(answer));
  return await promise;
}
