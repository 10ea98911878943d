import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../digest.ts";
import { PushClient } from "./push-client.ts";
import { createCertificate } from "./testing/certificate.ts";
import { type Mischief, refuseUpload, say, UploadPeer } from "./testing/upload-peer.ts";
import type { LocalBlob, RegistryOptions } from "./types.ts";

const MiB = 1024 * 1024;
let directory = "";
let peer: UploadPeer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "rt-upload-"));
  peer = await UploadPeer.start();
});
afterEach(async () => {
  await peer[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function buildBlob(size: number): Promise<LocalBlob & { bytes: Buffer }> {
  const bytes = Buffer.alloc(size);
  // Every piece of it is another, so that a piece in the wrong place is noticed.
  for (let at = 0; at + 4 <= size; at += 4096) bytes.writeUInt32LE(at + 1, at);
  const digest = digestOf(bytes);
  const path = join(directory, digest.slice(7));
  await writeFile(path, bytes);
  return { bytes, path, descriptor: { mediaType: "application/octet-stream", digest, size } };
}

function open(mischief: Mischief = {}, options: RegistryOptions = {}): PushClient {
  peer.mischief = mischief;
  const fast = { backoffMs: 1, stallMs: 2_000, ...options };
  return new PushClient({ domain: peer.host, path: "a/b" }, fast);
}

const asked = (method: string): string[] =>
  peer.asked.filter((line) => line.startsWith(`${method} `));

test("a small blob goes in one request, an empty one too", async () => {
  for (const size of [1000, 0]) {
    const blob = await buildBlob(size);
    await open().putBlob(blob);
    expect(peer.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  }
  expect(asked("PATCH")).toEqual([]);
});

test("a large blob goes in chunks that follow each other, and tells how far it is", async () => {
  const blob = await buildBlob(34 * MiB + 5);
  const told: number[] = [];
  await open().putBlob(blob, { sent: (bytes) => told.push(bytes) });
  expect(peer.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  expect(asked("PATCH")[0]).toEndWith(` 0-${8 * MiB - 1}`);
  expect(asked("PATCH").at(-1)).toEndWith(`-${34 * MiB + 4}`);
  expect(told.at(-1)).toBe(34 * MiB + 5);
  expect(told).toEqual(told.toSorted((a, b) => a - b));
});

test("under TLS a large blob goes in one request that is seen to go, and goes on when it breaks", async () => {
  await using secure = await UploadPeer.start(undefined, createCertificate());
  const blob = await buildBlob(20 * MiB);
  const { digest, size } = blob.descriptor;
  const client = new PushClient({ domain: secure.host, path: "a/b" }, { backoffMs: 1 });
  const told: number[] = [];
  await client.putBlob(blob, { sent: (bytes) => told.push(bytes) });
  expect(secure.blobs.get(digest)?.equals(blob.bytes)).toBe(true);
  expect(secure.asked.filter((line) => line.startsWith("PUT"))).toHaveLength(1);
  expect(told.filter((bytes) => bytes > 0 && bytes < size).length).toBeGreaterThan(10);
  secure.received = 0;
  secure.blobs.clear();
  secure.mischief = {
    breakAfter: ({ headers }) =>
      Number(headers.get("content-length")) > 12 * MiB ? 12 * MiB : undefined,
  };
  await client.putBlob(blob);
  expect(secure.received).toBe(size);
});

test("chunks are as large as the registry wants them at least", async () => {
  const blob = await buildBlob(34 * MiB);
  await open({ beginning: { "OCI-Chunk-Min-Length": `${16 * MiB}` } }).putBlob(blob);
  expect(asked("PATCH")[0]).toEndWith(` 0-${16 * MiB - 1}`);
  expect(peer.blobs.has(blob.descriptor.digest)).toBe(true);
});

test("a beginning that is redirected stays a POST", async () => {
  const blob = await buildBlob(10);
  const elsewhere = (path: string) => say(307, { Location: `${path}elsewhere/` });
  await open({
    answer: ({ method, url, earlier }) =>
      method === "POST" && earlier === 0 ? elsewhere(url.pathname) : undefined,
  }).putBlob(blob);
  expect(asked("POST")[1]).toBe("POST /v2/a/b/blobs/uploads/elsewhere/");
  expect(peer.blobs.has(blob.descriptor.digest)).toBe(true);
});

test("an upload whose connection breaks every few MB goes on where the registry stands", async () => {
  const blob = await buildBlob(29 * MiB);
  await open({
    breakAfter: ({ headers }) =>
      Number(headers.get("content-length")) > 5 * MiB ? 5 * MiB : undefined,
  }).putBlob(blob);
  expect(peer.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  expect(peer.received).toBe(29 * MiB);
});

test("a small blob that breaks goes on, too", async () => {
  const blob = await buildBlob(3 * MiB);
  await open({ breakAfter: ({ method }) => (method === "PUT" ? MiB : undefined) }).putBlob(blob);
  expect(peer.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  expect(peer.received).toBe(3 * MiB);
});

test("where the registry has forgotten the upload it begins again", async () => {
  const blob = await buildBlob(10 * MiB);
  await open({
    breakAfter: ({ method, earlier }) => (method === "PUT" && earlier === 0 ? MiB : undefined),
    answer: ({ method, url }) =>
      method === "GET" && url.pathname !== "/v2/"
        ? refuseUpload(404, "BLOB_UPLOAD_UNKNOWN")
        : undefined,
  }).putBlob(blob);
  expect(peer.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  expect(asked("POST")).toHaveLength(2);
});

test("a registry that counts wrong ends in a wrong digest, and the blob is sent again from the start", async () => {
  const blob = await buildBlob(10 * MiB);
  await open({
    breakAfter: ({ method, earlier }) => (method === "PUT" && earlier === 0 ? MiB : undefined),
    answer: ({ method, url, earlier }) =>
      method === "GET" && url.pathname !== "/v2/" && earlier < 3
        ? say(204, { Range: `0-${2 * MiB - 1}` })
        : undefined,
  }).putBlob(blob);
  expect(peer.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
});

test("a registry that never takes a chunk is given up", async () => {
  const blob = await buildBlob(34 * MiB);
  const pushing = open({
    answer: ({ method }) => (method === "PATCH" ? say(202, { Range: "0-0" }) : undefined),
  }).putBlob(blob);
  await expect(pushing).rejects.toThrow("not taken");
  expect(asked("PATCH").length).toBeLessThan(10);
});

test("a lost answer to the last request is no failure", async () => {
  const blob = await buildBlob(1000);
  await open({ swallow: ({ method, earlier }) => method === "PUT" && earlier === 0 }).putBlob(blob);
  expect(peer.received).toBe(1000);
  expect(asked("POST")).toHaveLength(1);
});

test("a registry that takes no chunks gets the whole, and the other way about", async () => {
  for (const [size, refused] of [
    [34 * MiB, "PATCH"],
    [9 * MiB, "PUT"],
  ] as const) {
    const blob = await buildBlob(size);
    const isRefused = (method: string, length: string | undefined) =>
      method === refused && Number(length) > 0;
    await open({
      answer: ({ method, headers }) =>
        isRefused(method, headers.get("content-length"))
          ? refuseUpload(405, "UNSUPPORTED")
          : undefined,
    }).putBlob(blob);
    expect(peer.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  }
});

test("429 is obeyed and the upload goes on", async () => {
  const blob = await buildBlob(34 * MiB);
  const waits: number[] = [];
  const onRetry = ({ delayMs }: { delayMs: number }) => waits.push(delayMs);
  await open(
    {
      answer: ({ method, earlier }) =>
        ["POST", "PATCH", "PUT"].includes(method) && earlier === 0
          ? say(429, { "Retry-After": "0" })
          : undefined,
    },
    { onRetry },
  ).putBlob(blob);
  expect(peer.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  expect(waits).toEqual([0, 0, 0]);
});

test("a registry that breaks without end is given up", async () => {
  const blob = await buildBlob(9 * MiB);
  const client = open({ breakAfter: ({ method }) => (method === "PUT" ? 0 : undefined) });
  await expect(client.putBlob(blob)).rejects.toMatchObject({ code: "unavailable" });
  expect(asked("PUT")).toHaveLength(5);
  expect(asked("DELETE").length).toBeLessThanOrEqual(1);
});

test("a registry that falls silent is given up after the time for that", async () => {
  const blob = await buildBlob(10);
  const client = open(
    { answer: ({ method }) => (method === "PUT" ? "" : undefined) },
    { attempts: 1, stallMs: 50 },
  );
  await expect(client.putBlob(blob)).rejects.toMatchObject({ code: "unavailable" });
});

test("a push that is given up lets go of its connections", async () => {
  const blob = await buildBlob(9 * MiB);
  const stop = new AbortController();
  const client = open({ hold: ({ method }) => method === "PUT" });
  const done = client.putBlob(blob, { signal: stop.signal });
  while (peer.held === 0) await Bun.sleep(5);
  stop.abort();
  await expect(done).rejects.toMatchObject({ name: "AbortError" });
  while (peer.held > 0) await Bun.sleep(5);
});

test("an upload that another host keeps is sent there without credentials", async () => {
  await using other = await UploadPeer.start();
  const blob = await buildBlob(9 * MiB);
  const credentials = async () => ({ username: "alice", password: "secret" });
  const location = (path: string) => `http://${other.host}${path}`;
  // The other host knows the upload by the same path.
  await fetch(`http://${other.host}/v2/a/b/blobs/uploads/`, { method: "POST" });
  await open(
    {
      answer: ({ method, headers }) => {
        if (!headers.has("authorization"))
          return say(401, { "WWW-Authenticate": 'Basic realm="x"' });
        if (method !== "POST") return undefined;
        return say(202, { Location: location("/v2/a/b/blobs/uploads/1") });
      },
    },
    { credentials },
  ).putBlob(blob);
  expect(other.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  expect(peer.authorized.length).toBeGreaterThan(0);
  expect(other.authorized).toEqual([]);
});

test("an upload may not lead from another machine to this one", async () => {
  const { checkRedirect } = await import("./transport.ts");
  const from = new URL("https://registry.example/v2/a/blobs/uploads/");
  for (const location of ["http://registry.example/x", "https://127.0.0.1/x", "ftp://a/x"])
    expect(() => checkRedirect(from, location, from)).toThrow(/redirects/);
});

test("a mount that is refused is no failure, and one that succeeds sends nothing", async () => {
  const blob = await buildBlob(10);
  const { digest } = blob.descriptor;
  const client = open({
    answer: ({ method, url }) =>
      method === "POST" && url.searchParams.get("from") === "good" ? say(201) : undefined,
  });
  expect(await client.mountBlob(digest, "bad")).toBe(false);
  expect(await client.mountBlob(digest, "good")).toBe(true);
  peer.mischief = { answer: ({ method }) => (method === "POST" ? say(403) : undefined) };
  expect(await client.mountBlob(digest, "secret")).toBe(false);
});

test("a manifest is stored byte for byte, and another digest is not believed", async () => {
  const bytes = new Uint8Array(Buffer.from('{ "schemaVersion":2,\n"odd" : true }'));
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const client = open();
  await client.putManifest("v1", descriptor, bytes);
  expect(peer.manifests.get("v1")?.equals(bytes)).toBe(true);
  const other = { "Docker-Content-Digest": `sha256:${"0".repeat(64)}` };
  peer.mischief = { answer: ({ method }) => (method === "PUT" ? say(201, other) : undefined) };
  await expect(client.putManifest("v1", descriptor, bytes)).rejects.toThrow(/has stored/);
});

test("who may not write is told so in Docker's words", async () => {
  const blob = await buildBlob(10);
  const client = open({
    answer: ({ method }) => (method === "POST" ? refuseUpload(403, "DENIED") : undefined),
  });
  await expect(client.putBlob(blob)).rejects.toThrow(/^push access denied for .*a\/b, repository/);
});
