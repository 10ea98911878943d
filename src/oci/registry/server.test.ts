import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../digest.ts";
import { ociConfig, ociLayer, ociManifest } from "../media-types.ts";
import { parseReference } from "../reference.ts";
import { RegistryClient } from "./client.ts";
import { parseRange } from "./server/range.ts";
import { createRegistry, type RunningRegistry, serveRegistry } from "./server.ts";

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

describe("uploads", () => {
  let root = "";
  let server: RunningRegistry;
  const listen = { hostname: "127.0.0.1", port: 0 };
  const send = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, init);
  const begin = async () => {
    const opened = await send("/v2/app/blobs/uploads/", { method: "POST" });
    return opened.headers.get("location") ?? "";
  };

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "rt-registry-"));
    server = await serveRegistry({ root, listen });
  });
  afterAll(async () => {
    await server.stop();
    await rm(root, { recursive: true });
  });

  test("an upload goes on after the registry was started anew", async () => {
    const location = await begin();
    await send(location, { method: "PATCH", body: "hello " });
    await server.stop();
    server = await serveRegistry({ root, listen });
    expect((await send(location)).headers.get("range")).toBe("0-5");
    await send(location, { method: "PATCH", body: "wor", headers: { "Content-Range": "6-8" } });
    const digest = digestOf("hello world");
    const done = await send(`${location}?digest=${digest}`, { method: "PUT", body: "ld" });
    expect(done.status).toBe(201);
    expect(await (await send(`/v2/app/blobs/${digest}`)).text()).toBe("hello world");
    expect((await send(location)).status).toBe(404);
  });

  test("a sha512 digest is taken", async () => {
    const hasher = new Bun.CryptoHasher("sha512").update("hello");
    const digest = `sha512:${hasher.digest("hex")}`;
    const done = await send(`${await begin()}?digest=${digest}`, { method: "PUT", body: "hello" });
    expect(done.status).toBe(201);
    expect((await send(`/v2/app/blobs/${encodeURIComponent(digest)}`)).status).toBe(200);
  });

  test("a chunk that is not as long as it says is refused", async () => {
    const headers = { "Content-Range": "0-9" };
    const answer = await send(await begin(), { method: "PATCH", body: "short", headers });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { errors: [{ code: "SIZE_INVALID" }] },
    ]);
  });

  test("a cancelled upload is gone", async () => {
    const location = await begin();
    expect((await send(location, { method: "DELETE" })).status).toBe(204);
    expect((await send(location, { method: "PATCH", body: "x" })).status).toBe(404);
  });

  test("an id that is none never becomes a path", async () => {
    for (const id of ["x", "%2e%2e%2f%2e%2e", "00000000-0000-0000-0000-000000000000"]) {
      const answer = await send(`/v2/app/blobs/uploads/${id}`, { method: "PATCH", body: "x" });
      expect(answer.status).toBe(404);
    }
  });

  test("two requests that write one upload at once do not mix", async () => {
    const location = await begin();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const slow = send(location, { method: "PATCH", body: readable });
    await writer.write(Buffer.from("slow"));
    while ((await send(location)).headers.get("range") !== "0-3") await Bun.sleep(1);
    expect((await send(location, { method: "PATCH", body: "x" })).status).toBe(409);
    await writer.close();
    expect((await slow).headers.get("range")).toBe("0-3");
  });

  test("a blob that nobody names any more is removed from the disk", async () => {
    const digest = digestOf("short-lived");
    const path = join(root, "blobs", "sha256", digest.slice(7));
    for (const name of ["one", "two"]) {
      const url = `/v2/${name}/blobs/uploads/?digest=${digest}`;
      expect((await send(url, { method: "POST", body: "short-lived" })).status).toBe(201);
    }
    expect((await send(`/v2/one/blobs/${digest}`, { method: "DELETE" })).status).toBe(202);
    expect(await Bun.file(path).exists()).toBe(true);
    expect((await send(`/v2/two/blobs/${digest}`, { method: "DELETE" })).status).toBe(202);
    expect(await Bun.file(path).exists()).toBe(false);
    expect((await send(`/v2/two/blobs/${digest}`, { method: "DELETE" })).status).toBe(404);
  });
});

describe("createRegistry", () => {
  test("referrers are listed, and filtered by their type", async () => {
    const root = await mkdtemp(join(tmpdir(), "rt-registry-"));
    const registry = await createRegistry({ root });
    const send = (path: string, init: RequestInit = {}) =>
      registry.fetch(new Request(`http://registry${path}`, init));
    const empty = digestOf("{}");
    await send(`/v2/app/blobs/uploads/?digest=${empty}`, { method: "POST", body: "{}" });
    const subject = { mediaType: ociManifest, digest: digestOf("subject"), size: 7 };
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: ociManifest,
      artifactType: "application/x.sbom",
      config: { mediaType: ociConfig, digest: empty, size: 2 },
      layers: [],
      subject,
      annotations: { made: "by hand" },
    });
    const headers = { "content-type": ociManifest };
    const put = await send("/v2/app/manifests/sbom", { method: "PUT", body: text, headers });
    expect(put.headers.get("oci-subject")).toBe(subject.digest);
    const list = await send(`/v2/app/referrers/${subject.digest}`);
    const manifests = [
      {
        mediaType: ociManifest,
        digest: digestOf(text),
        size: text.length,
        artifactType: "application/x.sbom",
        annotations: { made: "by hand" },
      },
    ];
    expect(await list.json()).toMatchObject({ manifests });
    const other = await send(`/v2/app/referrers/${subject.digest}?artifactType=x/y`);
    expect(other.headers.get("oci-filters-applied")).toBe("artifactType");
    expect(await other.json()).toMatchObject({ manifests: [] });
    await send(`/v2/app/manifests/${digestOf(text)}`, { method: "DELETE" });
    const after = await send(`/v2/app/referrers/${subject.digest}`);
    expect(await after.json()).toMatchObject({ manifests: [] });
    await rm(root, { recursive: true });
  });

  test("a caller that is not let in learns nothing", async () => {
    const root = await mkdtemp(join(tmpdir(), "rt-registry-"));
    const authorize = async () => new Response(null, { status: 401 });
    const registry = await createRegistry({ root, authorize });
    const answer = await registry.fetch(new Request("http://registry/v2/_catalog"));
    expect([answer.status, answer.headers.get("docker-distribution-api-version")]).toEqual([
      401,
      "registry/2.0",
    ]);
    await rm(root, { recursive: true });
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
