import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { buildHelloImage } from "../../scripts/hello-image.ts";
import { digestOf, type Image } from "../../scripts/image.ts";
import { jsonOf, registryCodeOf } from "../support/json.ts";
import type { Registry } from "../support/registry.ts";
import { until } from "../support/until.ts";
import { rtPath, World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let registry: Registry;
let hello: Image;

beforeAll(async () => {
  world = await World.create();
  registry = await world.registry();
  hello = await buildHelloImage();
});
afterAll(async () => {
  await world?.end();
});

async function skopeo(...args: string[]): Promise<string> {
  const ran = await world.run(["skopeo", "--insecure-policy", ...args]);
  if (ran.code !== 0) throw new Error(`skopeo ${args.join(" ")}: ${ran.stderr}`);
  return ran.stdout;
}

test("skopeo pushes to rt's registry and pulls the same bytes back", async () => {
  const debian = await world.debianRegistry();
  await debian.push("from/debian:latest", hello);
  const [there, here] = [
    `docker://${debian.host}/from/debian`,
    `docker://${registry.host}/to/rt:v1`,
  ];
  await skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", there, here);
  const inspected = JSON.parse(await skopeo("inspect", "--tls-verify=false", here));
  expect(inspected.Digest).toBe(hello.digest);
  await skopeo("copy", "--src-tls-verify=false", here, `oci:${world.path("layout")}:v1`);
  const index = await Bun.file(world.path("layout/index.json")).json();
  expect(index.manifests[0].digest).toBe(hello.digest);
});

test("tags and repositories are listed, in pages when asked", async () => {
  for (const tag of ["a", "b", "c"]) await registry.push(`listed/one:${tag}`, hello);
  const tags = await (await registry.request("/v2/listed/one/tags/list")).json();
  expect(tags).toEqual({ name: "listed/one", tags: ["a", "b", "c"] });
  const page = await registry.request("/v2/listed/one/tags/list?n=2");
  expect((await jsonOf<{ tags: string[] }>(page)).tags).toEqual(["a", "b"]);
  expect(page.headers.get("link")).toMatch(/^<.*last=b.*>; rel="next"$/);
  const catalog = await jsonOf<{ repositories: string[] }>(await registry.request("/v2/_catalog"));
  expect(catalog.repositories).toContain("listed/one");
});

test("an upload is resumed where it broke off", async () => {
  const bytes = new Uint8Array(100_000).fill(7);
  const begun = await registry.request("/v2/resumed/one/blobs/uploads/", { method: "POST" });
  expect(begun.status).toBe(202);
  const place = () => new URL(begun.headers.get("location") ?? "", registry.url);
  const headers = { "content-type": "application/octet-stream" };
  const patch = await registry.request(place().pathname + place().search, {
    method: "PATCH",
    headers: { ...headers, "content-range": "0-59999" },
    body: bytes.slice(0, 60_000),
  });
  expect([patch.status, patch.headers.get("range")]).toEqual([202, "0-59999"]);
  const status = await registry.request(place().pathname + place().search);
  expect([status.status, status.headers.get("range")]).toEqual([204, "0-59999"]);
  const end = place();
  end.searchParams.set("digest", digestOf(bytes));
  const put = await registry.request(end.pathname + end.search, {
    method: "PUT",
    headers: { ...headers, "content-range": "60000-99999" },
    body: bytes.slice(60_000),
  });
  expect(put.status).toBe(201);
  const blob = await registry.request(`/v2/resumed/one/blobs/${digestOf(bytes)}`, {
    headers: { range: "bytes=99990-" },
  });
  expect([blob.status, (await blob.bytes()).length]).toEqual([206, 10]);
});

test("a blob under a wrong digest is refused and not kept", async () => {
  const begun = await registry.request("/v2/wrong/one/blobs/uploads/", { method: "POST" });
  const place = new URL(begun.headers.get("location") ?? "", registry.url);
  const digest = digestOf(new TextEncoder().encode("other"));
  place.searchParams.set("digest", digest);
  const put = await registry.request(place.pathname + place.search, {
    method: "PUT",
    body: "this",
  });
  expect(put.status).toBe(400);
  expect(await registryCodeOf(put)).toBe("DIGEST_INVALID");
  expect((await registry.request(`/v2/wrong/one/blobs/${digest}`)).status).toBe(404);
});

test("a manifest whose blobs are missing is refused", async () => {
  const put = await registry.request("/v2/missing/blobs/manifests/latest", {
    method: "PUT",
    headers: { "content-type": hello.mediaType },
    body: new Uint8Array(hello.manifest),
  });
  expect([400, 404]).toContain(put.status);
  expect(await registryCodeOf(put)).toMatch(/BLOB_UNKNOWN/);
});

test("a deleted manifest is gone, by tag and by digest", async () => {
  await registry.push("deleted/one:latest", hello);
  const path = `/v2/deleted/one/manifests/${hello.digest}`;
  expect((await registry.request(path, { method: "DELETE" })).status).toBe(202);
  expect((await registry.request(path)).status).toBe(404);
  expect((await registry.request("/v2/deleted/one/manifests/latest")).status).toBe(404);
});

test("names that would leave the root are refused", async () => {
  for (const name of ["..%2f..%2fetc", "UPPER", ".hidden", "a//b"]) {
    const reply = await registry.request(`/v2/${name}/manifests/latest`);
    expect([name, reply.status >= 400 && reply.status < 500]).toEqual([name, true]);
  }
});

test("what was pushed is still there after a restart", async () => {
  await registry.push("kept/one:latest", hello);
  await registry.stop();
  const again = world.spawn([
    rtPath,
    "registry",
    "--root",
    registry.root,
    "--listen",
    registry.host,
  ]);
  await until("the manifest", async () => {
    if (again.ended) throw new Error(again.stderr);
    const reply = await registry.request("/v2/kept/one/manifests/latest").catch(() => undefined);
    return reply?.status === 200;
  });
  process.kill(await world.innerPid(again), "SIGKILL");
  await again.finished();
});
