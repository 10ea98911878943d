import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../digest.ts";
import { ociConfig, ociLayer, ociManifest } from "../media-types.ts";
import { parseReference } from "../reference.ts";
import { RegistryClient } from "./client.ts";
import { parseRange } from "./server/range.ts";
import { type RunningRegistry, serveRegistry } from "./server.ts";

describe("serveRegistry", () => {
  let root = "";
  let server: RunningRegistry;
  const send = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, init);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "rt-registry-"));
    server = await serveRegistry({ root, listen: { hostname: "127.0.0.1", port: 0 } });
  });
  afterAll(async () => {
    await server.stop();
    await rm(root, { recursive: true });
  });

  async function pushBlob(
    name: string,
    content: string,
  ): Promise<{ digest: string; size: number }> {
    const digest = digestOf(content);
    const reply = await send(`/v2/${name}/blobs/uploads/?digest=${digest}`, {
      method: "POST",
      body: content,
    });
    expect(reply.status).toBe(201);
    return { digest, size: content.length };
  }

  async function pushImage(name: string, tag: string): Promise<{ digest: string; text: string }> {
    const config = await pushBlob(name, "{}");
    const layer = await pushBlob(name, "layer");
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: ociManifest,
      config: { mediaType: ociConfig, ...config },
      layers: [{ mediaType: ociLayer, ...layer }],
    });
    const headers = { "Content-Type": ociManifest };
    const reply = await send(`/v2/${name}/manifests/${tag}`, {
      method: "PUT",
      body: text,
      headers,
    });
    expect(reply.status).toBe(201);
    return { digest: digestOf(text), text };
  }

  test("what was pushed is pulled byte for byte by tag and by digest", async () => {
    const { digest, text } = await pushImage("library/app", "v1");
    for (const reference of ["v1", digest]) {
      const reply = await send(`/v2/library/app/manifests/${reference}`);
      expect(reply.headers.get("content-type")).toBe(ociManifest);
      expect(reply.headers.get("docker-content-digest")).toBe(digest);
      expect(await reply.text()).toBe(text);
    }
    const client = new RegistryClient();
    const resolved = await client.resolve(parseReference(`${server.url.slice(7)}/library/app:v1`));
    expect(resolved.descriptor.digest).toBe(digest);
  });

  test("a chunked upload goes on where it is, and nowhere else", async () => {
    const opened = await send("/v2/app/blobs/uploads/", { method: "POST" });
    const location = opened.headers.get("location") ?? "";
    const patch = (body: string, range: string) =>
      send(location, { method: "PATCH", body, headers: { "Content-Range": range } });
    expect((await patch("hello ", "0-5")).headers.get("range")).toBe("0-5");
    expect((await patch("again", "0-4")).status).toBe(416);
    expect((await send(location)).headers.get("range")).toBe("0-5");
    const digest = digestOf("hello world");
    const done = await send(`${location}?digest=${digest}`, { method: "PUT", body: "world" });
    expect(done.status).toBe(201);
    expect(await (await send(`/v2/app/blobs/${digest}`)).text()).toBe("hello world");
    const part = await send(`/v2/app/blobs/${digest}`, { headers: { Range: "bytes=6-" } });
    expect([part.status, await part.text()]).toEqual([206, "world"]);
  });

  test("content with another digest than it claims is refused and gone", async () => {
    const digest = digestOf("claimed");
    const reply = await send(`/v2/app/blobs/uploads/?digest=${digest}`, {
      method: "POST",
      body: "other",
    });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ errors: [{ code: "DIGEST_INVALID" }] });
    expect((await send(`/v2/app/blobs/${digest}`, { method: "HEAD" })).status).toBe(404);
  });

  test("a manifest with a blob that was not pushed is refused", async () => {
    const missing = { digest: digestOf("missing"), size: 7 };
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType: ociManifest,
      config: { mediaType: ociConfig, ...missing },
      layers: [],
    });
    const reply = await send("/v2/app/manifests/v1", {
      method: "PUT",
      body,
      headers: { "Content-Type": ociManifest },
    });
    expect(await reply.json()).toMatchObject({ errors: [{ code: "MANIFEST_BLOB_UNKNOWN" }] });
  });

  test("a blob of one repository is not read through another, unless it is mounted there", async () => {
    const { digest } = await pushBlob("first/app", "shared");
    expect((await send(`/v2/second/app/blobs/${digest}`)).status).toBe(404);
    const mounted = await send(`/v2/second/app/blobs/uploads/?mount=${digest}&from=first/app`, {
      method: "POST",
    });
    expect(mounted.status).toBe(201);
    expect(await (await send(`/v2/second/app/blobs/${digest}`)).text()).toBe("shared");
  });

  test("tags and repositories are listed in pages", async () => {
    for (const tag of ["a", "b", "c"]) await pushImage("paged", tag);
    const first = await send("/v2/paged/tags/list?n=2");
    expect(await first.json()).toEqual({ name: "paged", tags: ["a", "b"] });
    expect(first.headers.get("link")).toBe('</v2/paged/tags/list?n=2&last=b>; rel="next"');
    expect(await (await send("/v2/paged/tags/list?n=2&last=b")).json()).toEqual({
      name: "paged",
      tags: ["c"],
    });
    const catalog = (await (await send("/v2/_catalog")).json()) as { repositories: string[] };
    expect(catalog.repositories).toContain("paged");
  });

  test("a deleted manifest takes its tags along", async () => {
    const { digest } = await pushImage("gone", "v1");
    expect((await send(`/v2/gone/manifests/${digest}`, { method: "DELETE" })).status).toBe(202);
    expect((await send("/v2/gone/manifests/v1")).status).toBe(404);
    expect(await (await send("/v2/gone/tags/list")).json()).toEqual({ name: "gone", tags: [] });
  });

  test("names that are no names never reach a path", async () => {
    for (const name of ["..", "a/../../b", "A", "a//b"]) {
      const reply = await send(`/v2/${encodeURIComponent(name)}/manifests/latest`);
      expect([400, 404]).toContain(reply.status);
    }
  });
});

describe("parseRange", () => {
  test("ranges are cut to the content, those beyond it are unsatisfiable", () => {
    expect(parseRange("bytes=2-3", 10)).toEqual({ start: 2, end: 3 });
    expect(parseRange("bytes=-3", 10)).toEqual({ start: 7, end: 9 });
    expect(parseRange("bytes=8-99", 10)).toEqual({ start: 8, end: 9 });
    expect(parseRange("bytes=10-", 10)).toBe("unsatisfiable");
    expect(parseRange("bytes=1-2,4-5", 10)).toBeUndefined();
  });
});
