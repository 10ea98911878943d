/** The distribution specification's group "Pull". */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { digestOf, expectError, type Pushed, Repository, types } from "../support/distribution.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let app: Repository;
let image: Pushed;
let layer: Pushed;
const content = "0123456789";

beforeAll(async () => {
  world = await World.create();
  app = new Repository(await world.registry(), "some/app");
  layer = await app.pushBlob(content);
  image = await app.pushImage("v1", content);
});
afterAll(async () => {
  await world?.end();
});

test("support is told by an answer to /v2/", async () => {
  expect((await app.sendTo("/v2/", "GET")).status).toBe(200);
});

test("a manifest is answered by tag and by digest, with its type, digest and length", async () => {
  for (const reference of ["v1", image.digest]) {
    for (const method of ["GET", "HEAD"]) {
      const reply = await app.send(method, `manifests/${reference}`);
      expect(reply.status).toBe(200);
      expect(reply.headers.get("content-type")).toBe(types.manifest);
      expect(reply.headers.get("docker-content-digest")).toBe(image.digest);
      expect(reply.headers.get("content-length")).toBe(String(image.size));
      const text = await reply.text();
      expect(method === "HEAD" ? text : digestOf(text)).toBe(method === "HEAD" ? "" : image.digest);
    }
  }
});

test("a blob is answered whole, and described to HEAD", async () => {
  const whole = await app.send("GET", `blobs/${layer.digest}`);
  expect(whole.headers.get("docker-content-digest")).toBe(layer.digest);
  expect([whole.status, await whole.text()]).toEqual([200, content]);
  const head = await app.send("HEAD", `blobs/${layer.digest}`);
  expect([head.status, head.headers.get("content-length")]).toEqual([200, "10"]);
  expect(head.headers.get("accept-ranges")).toBe("bytes");
});

test("a part of a blob is answered as that part", async () => {
  for (const [range, part, where] of [
    ["bytes=0-3", "0123", "0-3"],
    ["bytes=4-", "456789", "4-9"],
    ["bytes=-2", "89", "8-9"],
    ["bytes=8-99", "89", "8-9"],
  ] as const) {
    const reply = await app.send("GET", `blobs/${layer.digest}`, { headers: { range } });
    expect([reply.status, await reply.text()]).toEqual([206, part]);
    expect(reply.headers.get("content-range")).toBe(`bytes ${where}/10`);
    expect(reply.headers.get("content-length")).toBe(String(part.length));
  }
  for (const range of ["bytes=1-2,4-5", "lines=1-2", "bytes=5-2", "bytes=x"]) {
    const reply = await app.send("GET", `blobs/${layer.digest}`, { headers: { range } });
    expect([range, reply.status, await reply.text()]).toEqual([range, 200, content]);
  }
});

test("a part beyond a blob is refused, with the blob's length", async () => {
  const headers = { range: "bytes=10-" };
  const reply = await app.send("GET", `blobs/${layer.digest}`, { headers });
  expect(reply.headers.get("content-range")).toBe("bytes */10");
  await expectError(reply, 416, "SIZE_INVALID");
});

test("a part is given only of the content that the client began with", async () => {
  const ask = async (tag: string): Promise<number> => {
    const headers = { range: "bytes=4-", "if-range": tag };
    return (await app.send("GET", `blobs/${layer.digest}`, { headers })).status;
  };
  expect([await ask(`"${layer.digest}"`), await ask('"other"')]).toEqual([206, 200]);
});

test("content that a client has already is not sent again", async () => {
  for (const [path, digest] of [
    [`blobs/${layer.digest}`, layer.digest],
    ["manifests/v1", image.digest],
  ] as const) {
    const first = await app.send("GET", path);
    expect(first.headers.get("etag")).toBe(`"${digest}"`);
    const again = await app.send("GET", path, { headers: { "if-none-match": `"${digest}"` } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const other = await app.send("GET", path, { headers: { "if-none-match": '"other"' } });
    expect(other.status).toBe(200);
  }
});

test("what is not there is not found", async () => {
  const none = digestOf("none");
  await expectError(await app.send("GET", `blobs/${none}`), 404, "BLOB_UNKNOWN");
  await expectError(await app.send("GET", `manifests/${none}`), 404, "MANIFEST_UNKNOWN");
  await expectError(await app.send("GET", "manifests/none"), 404, "MANIFEST_UNKNOWN");
  for (const path of [`blobs/${none}`, `manifests/${none}`, "manifests/none"])
    expect([path, await app.has(path)]).toEqual([path, 404]);
  await expectError(await app.sendTo("/v2/no/such/manifests/v1", "GET"), 404, "MANIFEST_UNKNOWN");
});

test("a digest that is none is refused", async () => {
  for (const text of ["sha256:short", "md5:00", `sha256:${"Z".repeat(64)}`, "sha256:"])
    await expectError(await app.send("GET", `blobs/${text}`), 400, "DIGEST_INVALID");
  await expectError(await app.send("GET", "manifests/sha256:short"), 400, "DIGEST_INVALID");
});
