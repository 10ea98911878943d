/** The distribution specification's group "Push": manifests, and what a registry must not take. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import {
  digestOf,
  expectError,
  manifestOf,
  openRaw,
  Repository,
  sendRaw,
  types,
} from "../support/distribution.ts";
import type { Registry } from "../support/registry.ts";
import { until } from "../support/until.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let registry: Registry;
let app: Repository;

beforeAll(async () => {
  world = await World.create();
  registry = await world.registry();
  app = new Repository(registry, "some/app");
});
afterAll(async () => {
  await world?.end();
});

describe("a manifest", () => {
  test("is kept byte for byte, by tag and by digest", async () => {
    const { mediaType, text: plain } = await app.image("spaced");
    const text = `\n ${plain.replaceAll(",", ",\t")}\n\n`;
    const digest = digestOf(text);
    for (const reference of ["spaced", digest]) {
      const reply = await app.put(reference, { text, mediaType });
      expect([reply.status, reply.headers.get("docker-content-digest")]).toEqual([201, digest]);
      const got = await app.sendTo(reply.headers.get("location") ?? "", "GET");
      expect(await got.text()).toBe(text);
    }
  });

  test("moves its tag, and stays where it was by digest", async () => {
    const first = await app.pushImage("moving", "first");
    const second = await app.pushImage("moving", "second");
    const now = await app.send("HEAD", "manifests/moving");
    expect(now.headers.get("docker-content-digest")).toBe(second.digest);
    expect(await app.has(`manifests/${first.digest}`)).toBe(200);
  });

  test("without layers, by sha512, in an index and in an index of it is taken", async () => {
    const config = await app.pushBlob("{}", types.config);
    const empty = manifestOf({ mediaType: types.manifest, config, layers: [] });
    const long = digestOf(empty.text, "sha512");
    expect((await app.put(long, empty)).status).toBe(201);
    expect((await app.put("empty", empty)).status).toBe(201);
    const { mediaType, digest, size } = empty;
    const inner = manifestOf({
      mediaType: types.index,
      manifests: [{ mediaType, digest, size }],
    });
    expect((await app.put("inner", inner)).status).toBe(201);
    const outer = manifestOf({
      mediaType: types.index,
      manifests: [{ mediaType: inner.mediaType, digest: inner.digest, size: inner.size }],
    });
    expect((await app.put("outer", outer)).status).toBe(201);
    const reply = await app.send("GET", "manifests/outer");
    expect(reply.headers.get("content-type")).toBe(types.index);
  });

  test("gets the tags that come with its digest, and says which", async () => {
    const image = await app.image("many tags");
    const tags = Array.from({ length: 12 }, (_, index) => `many-${index}`);
    const query = `?${tags.map((tag) => `tag=${tag}`).join("&")}`;
    const reply = await app.put(image.digest, image, query);
    expect([reply.status, reply.headers.get("oci-tag")]).toEqual([201, tags.join(", ")]);
    for (const tag of tags) expect(await app.has(`manifests/${tag}`)).toBe(200);
    const invalid = await app.put(image.digest, image, "?tag=fine&tag=..%2fbad");
    await expectError(invalid, 400, "MANIFEST_INVALID");
    expect(await app.has("manifests/fine")).toBe(404);
  });

  test("whose content is missing is refused, and names it", async () => {
    const missing = { mediaType: types.config, digest: digestOf("missing"), size: 7 };
    const image = manifestOf({ mediaType: types.manifest, config: missing, layers: [] });
    const reply = await app.put("missing", image);
    expect(await reply.clone().text()).toContain(missing.digest);
    await expectError(reply, 404, "MANIFEST_BLOB_UNKNOWN");
    expect(await app.has("manifests/missing")).toBe(404);
  });

  test("of another digest than its address is refused", async () => {
    const image = await app.image("addressed");
    await expectError(await app.put(digestOf("other"), image), 400, "DIGEST_INVALID");
    await expectError(await app.put("sha256:short", image), 400, "DIGEST_INVALID");
    expect(await app.has(`manifests/${image.digest}`)).toBe(404);
  });

  test("that is none is refused", async () => {
    for (const text of ["", "{", "null", "[]", '{"schemaVersion":1}', '{"schemaVersion":2}'])
      await expectError(
        await app.put("broken", { text, mediaType: types.manifest }),
        400,
        "MANIFEST_INVALID",
      );
    const image = await app.image("mistyped");
    const other = { text: image.text, mediaType: types.index };
    await expectError(await app.put("broken", other), 400, "MANIFEST_INVALID");
    expect(await app.has("manifests/broken")).toBe(404);
  });

  test("of 4 MiB is taken, a larger one refused", async () => {
    const image = await app.image("large");
    const text = (size: number) => image.text.padEnd(size, " ");
    const cap = 4 * 1024 * 1024;
    expect((await app.put("large", { ...image, text: text(cap) })).status).toBe(201);
    const larger = await app.put("larger", { ...image, text: text(cap + 1) });
    await expectError(larger, 413, "MANIFEST_INVALID");
    expect(await app.has("manifests/larger")).toBe(404);
  });

  test("with a subject says so, though the subject is not there", async () => {
    const subject = { mediaType: types.manifest, digest: digestOf("absent"), size: 6 };
    const reply = await app.put("refers", await app.image("refers", { subject }));
    expect([reply.status, reply.headers.get("oci-subject")]).toEqual([201, subject.digest]);
    const plain = await app.put("plain", await app.image("plain"));
    expect(plain.headers.get("oci-subject")).toBeNull();
  });
});

describe("hostile requests", () => {
  /** Sent as written: a client's own URL parser would tidy it up. */
  const statusOf = async (line: string): Promise<string> => {
    const raw = `${line} HTTP/1.1\r\nHost: r\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
    return (await sendRaw(registry, raw)).slice(9, 12);
  };

  test("names that are none are refused, and become no path", async () => {
    const files = async () => (await readdir(registry.root, { recursive: true })).sort();
    const before = await files();
    for (const name of [
      ...[
        "..",
        "../..",
        "%2e%2e/%2e%2e",
        "a/../../b",
        "a//b",
        "A",
        "a/_blobs",
        "_uploads",
        "a%00b",
      ],
      ...[".a", "a.", "a/", "%61", "a".repeat(256), Array(200).fill("a").join("/")],
    ]) {
      for (const line of [
        `POST /v2/${name}/blobs/uploads/`,
        `GET /v2/${name}/manifests/latest`,
        `GET /v2/${name}/tags/list`,
        `DELETE /v2/${name}/blobs/${digestOf("x")}`,
      ]) {
        expect([line, await statusOf(line)]).toEqual([line, expect.stringMatching(/^40[04]$/)]);
      }
    }
    expect(await files()).toEqual(before);
  });

  test("tags, digests and ids that are none are refused", async () => {
    for (const line of [
      ...["..", "%2e%2e", "a%2fb", "-a", "a".repeat(129), "a%00"].map(
        (tag) => `PUT /v2/some/app/manifests/${tag}`,
      ),
      ...["..", "sha256:..%2f..%2f", "sha256:%00"].map((text) => `GET /v2/some/app/blobs/${text}`),
      ...["..", "%2e%2e%2f%2e%2e", "x"].map((id) => `PATCH /v2/some/app/blobs/uploads/${id}`),
      "GET /v2/some/app/referrers/..%2f..",
    ]) {
      expect([line, await statusOf(line)]).toEqual([line, expect.stringMatching(/^40[04]$/)]);
    }
  });

  test("methods that a resource has not are named in the refusal", async () => {
    const reply = await app.send("POST", "manifests/v1");
    expect(reply.headers.get("allow")).toBe("GET, PUT, DELETE");
    await expectError(reply, 405, "UNSUPPORTED");
  });

  test("a body that is announced and does not come leaves nothing", async () => {
    const line = `POST /v2/cut/app/blobs/uploads/?digest=${digestOf("whole")} HTTP/1.1`;
    const socket = openRaw(registry, `${line}\r\nHost: r\r\nContent-Length: 5\r\n\r\nwho`);
    const uploads = async () => (await readdir(`${registry.root}/uploads`)).length;
    await until("the upload", async () => (await uploads()) === 1);
    socket.destroy();
    await until("the upload to go", async () => (await uploads()) === 0);
    expect(await new Repository(registry, "cut/app").has(`blobs/${digestOf("whole")}`)).toBe(404);
  });
});
