import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Descriptor } from "../descriptor.ts";
import { digestOf } from "../digest.ts";
import { ociConfig, ociIndex, ociLayer, ociManifest } from "../media-types.ts";
import { parseReference } from "../reference.ts";
import { selectImage } from "../select.ts";
import { RegistryClient } from "./client.ts";
import { type RunningRegistry, serveRegistry } from "./server.ts";
import { reply, ScriptedPeer } from "./testing/scripted-peer.ts";

let root: string;
let registry: RunningRegistry;
let host: string;
const amd64 = { os: "linux", architecture: "amd64" };
const layer = Buffer.alloc(3_000_000, "layer ");

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "rt-oci-"));
  registry = await serveRegistry({ root, listen: { hostname: "127.0.0.1", port: 0 } });
  host = `127.0.0.1:${registry.port}`;
});
afterEach(async () => {
  await registry.stop();
  await rm(root, { recursive: true, force: true });
});

async function pushBlob(name: string, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
  const digest = digestOf(bytes);
  const url = `${registry.url}/v2/${name}/blobs/uploads/?digest=${digest}`;
  const answer = await fetch(url, { method: "POST", body: bytes });
  expect(answer.status).toBe(201);
  return { mediaType, digest, size: bytes.byteLength };
}

async function pushManifest(name: string, reference: string, value: { mediaType: string }) {
  const text = JSON.stringify(value);
  const answer = await fetch(`${registry.url}/v2/${name}/manifests/${reference}`, {
    method: "PUT",
    body: text,
    headers: { "content-type": value.mediaType },
  });
  expect(answer.status).toBe(201);
  return { mediaType: value.mediaType, digest: digestOf(text), size: text.length };
}

async function pushImage(name = "library/app", tag = "latest") {
  const config = await pushBlob(name, Buffer.from("{}"), ociConfig);
  const layers = [await pushBlob(name, layer, ociLayer)];
  return pushManifest(name, tag, {
    schemaVersion: 2,
    mediaType: ociManifest,
    config,
    layers,
  } as never);
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("RegistryClient", () => {
  test("an image comes whole, by tag and by digest", async () => {
    const pushed = await pushImage();
    const client = new RegistryClient();
    for (const text of [`${host}/library/app`, `${host}/library/app@${pushed.digest}`]) {
      const ref = parseReference(text);
      const image = await selectImage(client, ref, amd64);
      expect(image.top.descriptor).toEqual(pushed);
      expect(image.top.endpoint).toBe(registry.url);
      const [descriptor] = image.manifest.layers;
      if (descriptor === undefined) throw new Error("no layer");
      const { stream, offset } = await client.blob(ref, descriptor);
      expect(offset).toBe(0);
      expect((await drain(stream)).equals(layer)).toBe(true);
      const config = await client.blobBytes(ref, image.manifest.config, 10);
      expect(Buffer.from(config).toString()).toBe("{}");
    }
  });

  test("a blob goes on from an offset", async () => {
    const descriptor = await pushBlob("app", layer, ociLayer);
    const ref = parseReference(`${host}/app`);
    const client = new RegistryClient();
    const half = await client.blob(ref, descriptor, { offset: 1_000_000 });
    expect(half.offset).toBe(1_000_000);
    expect((await drain(half.stream)).equals(layer.subarray(1_000_000))).toBe(true);
    const rest = await client.blob(ref, descriptor, { offset: layer.length });
    expect(await drain(rest.stream)).toHaveLength(0);
  });

  test("an index leads to the manifest of the platform, an unknown platform to a clear error", async () => {
    const arm = await pushImage("app", "arm");
    const manifests = [
      { ...arm, platform: { os: "unknown", architecture: "unknown" } },
      { ...arm, platform: { os: "linux", architecture: "arm64" } },
    ];
    const inner = await pushManifest("app", "inner", {
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests,
    } as never);
    await pushManifest("app", "outer", {
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: [inner],
    } as never);
    const ref = parseReference(`${host}/app:outer`);
    const image = await selectImage(new RegistryClient(), ref, {
      os: "linux",
      architecture: "arm64",
    });
    expect(image.descriptor.digest).toBe(arm.digest);
    expect(image.documents).toHaveLength(3);
    await expect(selectImage(new RegistryClient(), ref, amd64)).rejects.toMatchObject({
      code: "not_found",
      message: "no matching manifest for linux/amd64 in the manifest list entries",
    });
  });

  test("indexes nested more than eight deep are refused", async () => {
    let inner: Descriptor = await pushImage("app", "m");
    for (let i = 0; i < 9; i++) {
      inner = await pushManifest("app", `d${i}`, {
        schemaVersion: 2,
        mediaType: ociIndex,
        manifests: [inner],
      } as never);
    }
    const client = new RegistryClient();
    await selectImage(client, parseReference(`${host}/app:d7`), amd64);
    await expect(selectImage(client, parseReference(`${host}/app:d8`), amd64)).rejects.toThrow(
      "nested more than 8 deep",
    );
  });

  test("a mirror serves Docker Hub's names; what it lacks is asked of the registry itself", async () => {
    const pushed = await pushImage("library/hello-world");
    const client = new RegistryClient({ mirrors: [registry.url], attempts: 1 });
    const found = await client.resolve(parseReference("hello-world"));
    expect(found).toMatchObject({ descriptor: pushed, endpoint: registry.url });
  });

  test("a mirror that is down or lacks an image is passed over", async () => {
    await pushImage("app");
    for (const mirror of ["http://127.0.0.1:1", `${registry.url}/nowhere`]) {
      const client = new RegistryClient({ registryMirrors: { [host]: [mirror] } });
      expect((await client.resolve(parseReference(`${host}/app`))).endpoint).toBe(registry.url);
    }
  });

  test("a mirror that fails is not waited for again, one that lacks an image is asked for the next", async () => {
    await pushImage("app");
    for (const [status, times] of [
      [503, 2],
      [404, 3],
    ] as const) {
      await using mirror = await ScriptedPeer.start((_, socket) => reply(socket, status));
      const client = new RegistryClient({
        registryMirrors: { [host]: [mirror.url] },
        backoffMs: 1,
      });
      for (let i = 0; i < 3; i++) await client.resolve(parseReference(`${host}/app`));
      expect(mirror.requests).toHaveLength(times);
      expect(await client.tags(parseReference(`${host}/app`))).toEqual(["latest"]);
    }
  });

  test("what is not there is told in Docker's words", async () => {
    const client = new RegistryClient();
    await expect(client.resolve(parseReference(`${host}/app:nope`))).rejects.toMatchObject({
      code: "not_found",
      message: `manifest for ${host}/app:nope not found: manifest unknown`,
    });
    const missing = { mediaType: ociLayer, digest: digestOf("missing"), size: 7 };
    await expect(client.blob(parseReference(`${host}/app`), missing)).rejects.toMatchObject({
      code: "not_found",
    });
  });

  test("a registry that is not there is named, with the reason", async () => {
    await expect(
      new RegistryClient().resolve(parseReference("127.0.0.1:1/app")),
    ).rejects.toMatchObject({
      code: "unavailable",
      message: "cannot reach registry 127.0.0.1:1: connection refused",
    });
  });

  test("a blob larger than the cap is not even asked for", async () => {
    const ref = parseReference("127.0.0.1:1/app");
    const descriptor = { mediaType: ociConfig, digest: digestOf("x"), size: 11 };
    await expect(new RegistryClient().blobBytes(ref, descriptor, 10)).rejects.toThrow(
      "larger than 10 bytes",
    );
  });
});
