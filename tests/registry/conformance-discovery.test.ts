/** The distribution specification's groups "Content Discovery" and "Content Management". */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  digestOf,
  expectError,
  manifestOf,
  type Pushed,
  Repository,
  types,
} from "../support/distribution.ts";
import { jsonOf } from "../support/json.ts";
import type { Registry } from "../support/registry.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let registry: Registry;

beforeAll(async () => {
  world = await World.create();
  registry = await world.registry();
});
afterAll(async () => {
  await world?.end();
});

describe("tags", () => {
  const tags = ["0.9", "Beta", "_x", "a", "b", "latest", "v1"];
  let app: Repository;
  const list = async (query = "") => {
    const reply = await app.send("GET", `tags/list${query}`);
    const { name, tags: found } = await jsonOf<{ name: string; tags: string[] }>(reply);
    expect([reply.status, name]).toEqual([200, app.name]);
    return { found, link: reply.headers.get("link") };
  };

  beforeAll(async () => {
    app = new Repository(registry, "listed/app");
    const image = await app.image("listed");
    for (const tag of [...tags].reverse()) expect((await app.put(tag, image)).status).toBe(201);
  });

  test("are listed in the order of their bytes", async () => {
    expect(await list()).toEqual({ found: tags, link: null });
  });

  test("are listed in pages that lead on to one another", async () => {
    const seen: string[] = [];
    for (let query: string | undefined = "?n=3"; query !== undefined; ) {
      const { found, link } = await list(query);
      expect(found.length).toBeLessThanOrEqual(3);
      seen.push(...found);
      query = /^<[^?>]*(\?[^>]*)>; rel="next"$/.exec(link ?? "")?.[1];
      expect(link === null).toBe(query === undefined);
    }
    expect(seen).toEqual(tags);
  });

  test("are listed from behind a tag, which need not be there", async () => {
    expect((await list("?last=b")).found).toEqual(["latest", "v1"]);
    expect((await list("?n=1&last=a")).found).toEqual(["b"]);
    expect((await list("?last=c")).found).toEqual(["latest", "v1"]);
    expect(await list("?n=0")).toEqual({ found: [], link: null });
    expect(await list("?n=7")).toEqual({ found: tags, link: null });
    for (const n of ["-1", "x", "1e3"])
      await expectError(await app.send("GET", `tags/list?n=${n}`), 400, "UNSUPPORTED");
  });

  test("of no repository are not found", async () => {
    await expectError(await app.sendTo("/v2/no/such/tags/list", "GET"), 404, "NAME_UNKNOWN");
  });
});

describe("referrers", () => {
  let app: Repository;
  let subject: Pushed;
  const list = async (of: string, query = "") => {
    const reply = await app.send("GET", `referrers/${of}${query}`);
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, types.index]);
    const index = await jsonOf<{ mediaType: string; manifests: Pushed[] }>(reply);
    expect(index).toMatchObject({ schemaVersion: 2, mediaType: types.index });
    const filters = reply.headers.get("oci-filters-applied");
    return { manifests: index.manifests, filters, link: reply.headers.get("link") };
  };

  beforeAll(async () => {
    app = new Repository(registry, "referred/app");
    subject = await app.pushImage("subject", "subject");
  });

  test("of nothing are an empty index", async () => {
    expect((await list(digestOf("nothing"))).manifests).toEqual([]);
    await expectError(await app.send("GET", "referrers/sha256:short"), 400, "DIGEST_INVALID");
  });

  test("are described with their type and annotations, filtered, and gone when deleted", async () => {
    const annotations = { "org.example.format": "json" };
    const artifactType = "application/x.sbom";
    const sbom = await app.pushImage("sbom", "sbom", { subject, artifactType, annotations });
    const plain = await app.pushImage("plain", "plain", { subject });
    const index = manifestOf({ mediaType: types.index, manifests: [], subject });
    expect((await app.put("index", index)).headers.get("oci-subject")).toBe(subject.digest);
    const byDigest = (a: Pushed, b: Pushed) => (a.digest < b.digest ? -1 : 1);
    const described = [
      { ...sbom, artifactType, annotations },
      { ...plain, artifactType: types.config },
      { mediaType: types.index, digest: index.digest, size: index.size },
    ];
    const all = await list(subject.digest);
    expect(all.manifests.toSorted(byDigest)).toEqual(described.toSorted(byDigest));
    expect([all.filters, all.link]).toEqual([null, null]);
    const query = `?artifactType=${encodeURIComponent(artifactType)}`;
    const filtered = await list(subject.digest, query);
    expect(filtered.manifests.map(({ digest }) => digest)).toEqual([sbom.digest]);
    expect(filtered.filters).toBe("artifactType");
    expect((await app.send("DELETE", `manifests/${sbom.digest}`)).status).toBe(202);
    expect((await list(subject.digest, query)).manifests).toEqual([]);
    expect((await list(subject.digest)).manifests).toHaveLength(2);
  });

  test("that fill more than a manifest come in pages", async () => {
    const own = { mediaType: types.manifest, digest: digestOf("of many"), size: 7 };
    const annotations = { large: "x".repeat(1_500_000) };
    const pushed = new Set<string>();
    for (const content of ["1", "2", "3"])
      pushed.add(
        (await app.pushImage(`many${content}`, content, { subject: own, annotations })).digest,
      );
    const first = await list(own.digest);
    expect(first.manifests).toHaveLength(2);
    const next = /^<[^?>]*(\?[^>]*)>; rel="next"$/.exec(first.link ?? "")?.[1] ?? "";
    const second = await list(own.digest, next);
    expect([second.manifests.length, second.link]).toEqual([1, null]);
    const seen = [...first.manifests, ...second.manifests].map(({ digest }) => digest);
    expect(new Set(seen)).toEqual(pushed);
  });
});

describe("deleting", () => {
  let app: Repository;
  beforeAll(() => {
    app = new Repository(registry, "deleted/app");
  });
  const remove = async (path: string) => (await app.send("DELETE", path)).status;

  test("a tag leaves the manifest and its other tags", async () => {
    const image = await app.pushImage("one", "tagged");
    await app.pushImage("two", "tagged");
    expect(await remove("manifests/one")).toBe(202);
    expect(await app.has("manifests/one")).toBe(404);
    expect(await app.has("manifests/two")).toBe(200);
    expect(await app.has(`manifests/${image.digest}`)).toBe(200);
    await expectError(await app.send("DELETE", "manifests/one"), 404, "MANIFEST_UNKNOWN");
  });

  test("a manifest takes all its tags along", async () => {
    const image = await app.pushImage("three", "whole");
    await app.pushImage("four", "whole");
    expect(await remove(`manifests/${image.digest}`)).toBe(202);
    for (const reference of ["three", "four", image.digest])
      expect([reference, await app.has(`manifests/${reference}`)]).toEqual([reference, 404]);
    expect(await remove(`manifests/${image.digest}`)).toBe(404);
  });

  test("a blob removes it here, and from the disk when no repository has it", async () => {
    const blob = await app.pushBlob("to be deleted");
    const other = new Repository(registry, "other/app");
    const query = `?mount=${blob.digest}&from=${app.name}`;
    expect((await other.send("POST", `blobs/uploads/${query}`)).status).toBe(201);
    const isKept = () => Bun.file(`${registry.root}/blobs/sha256/${blob.digest.slice(7)}`).exists();
    expect(await remove(`blobs/${blob.digest}`)).toBe(202);
    expect(await app.has(`blobs/${blob.digest}`)).toBe(404);
    expect([await other.has(`blobs/${blob.digest}`), await isKept()]).toEqual([200, true]);
    expect((await other.send("DELETE", `blobs/${blob.digest}`)).status).toBe(202);
    expect(await isKept()).toBe(false);
    await expectError(await app.send("DELETE", `blobs/${blob.digest}`), 404, "BLOB_UNKNOWN");
  });

  test("what is in no repository is not found", async () => {
    for (const path of ["manifests/v1", `manifests/${digestOf("x")}`, `blobs/${digestOf("x")}`])
      expect((await app.sendTo(`/v2/no/such/${path}`, "DELETE")).status).toBe(404);
  });
});
