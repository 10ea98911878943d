/** The distribution specification's group "Push": blobs. Manifests are in conformance-manifests. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { digestOf, expectError, openRaw, Repository, sendRaw } from "../support/distribution.ts";
import type { Registry } from "../support/registry.ts";
import { until } from "../support/until.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let registry: Registry;
let app: Repository;
const uploads = async (): Promise<string[]> => await readdir(`${registry.root}/uploads`);

beforeAll(async () => {
  world = await World.create();
  registry = await world.registry();
  app = new Repository(registry, "some/app");
});
afterAll(async () => {
  await world?.end();
});

describe("a blob in one piece", () => {
  test("is taken by POST and PUT, and by POST alone", async () => {
    for (const [text, push] of [
      [
        "in two steps",
        async (body: string) => app.finish(await app.begin(), digestOf(body), { body }),
      ],
      [
        "in one step",
        (body: string) => app.send("POST", `blobs/uploads/?digest=${digestOf(body)}`, { body }),
      ],
      ["", async (body: string) => app.finish(await app.begin(), digestOf(body))],
    ] as const) {
      const reply = await push(text);
      expect([text, reply.status]).toEqual([text, 201]);
      expect(reply.headers.get("docker-content-digest")).toBe(digestOf(text));
      const location = reply.headers.get("location") ?? "";
      expect(await (await app.sendTo(location, "GET")).text()).toBe(text);
    }
  });

  test("by sha512 as well", async () => {
    const digest = digestOf("long", "sha512");
    const location = await app.begin("?digest-algorithm=sha512");
    expect((await app.finish(location, digest, { body: "long" })).status).toBe(201);
    expect(await app.has(`blobs/${digest}`)).toBe(200);
    const other = await app.send("POST", "blobs/uploads/?digest-algorithm=md5");
    await expectError(other, 400, "DIGEST_INVALID");
  });

  test("of another digest than it says is refused, and nothing of it kept", async () => {
    const digest = digestOf("said");
    const one = await app.send("POST", `blobs/uploads/?digest=${digest}`, { body: "sent" });
    await expectError(one, 400, "DIGEST_INVALID");
    const location = await app.begin();
    await expectError(await app.finish(location, digest, { body: "sent" }), 400, "DIGEST_INVALID");
    await expectError(await app.sendTo(location, "GET"), 404, "BLOB_UPLOAD_UNKNOWN");
    expect(await app.has(`blobs/${digest}`)).toBe(404);
    expect(await uploads()).toEqual([]);
  });

  test("under what is no digest is refused", async () => {
    for (const digest of ["sha256:short", "md5:d41d8cd98f00b204e9800998ecf8427e", "../../etc"]) {
      const query = `?digest=${encodeURIComponent(digest)}`;
      const one = await app.send("POST", `blobs/uploads/${query}`, { body: "x" });
      await expectError(one, 400, "DIGEST_INVALID");
      const location = await app.begin();
      await expectError(await app.finish(location, digest, { body: "x" }), 400, "DIGEST_INVALID");
      expect((await app.sendTo(location, "DELETE")).status).toBe(204);
    }
  });

  test("from many clients at once is stored once", async () => {
    const body = "the same ".repeat(50_000);
    const push = async () => app.finish(await app.begin(), digestOf(body), { body });
    const replies = await Promise.all(Array.from({ length: 8 }, push));
    expect(replies.map((reply) => reply.status)).toEqual(Array(8).fill(201));
    expect(await (await app.send("GET", `blobs/${digestOf(body)}`)).text()).toBe(body);
    expect(await uploads()).toEqual([]);
  });
});

describe("a blob in chunks", () => {
  test("goes on from reply to reply", async () => {
    let location = await app.begin();
    for (const [chunk, range] of [
      ["hello ", "0-5"],
      ["chunked ", "6-13"],
    ] as const) {
      const reply = await app.patch(location, chunk, range);
      expect([reply.status, reply.headers.get("range")]).toEqual([202, `0-${range.split("-")[1]}`]);
      location = reply.headers.get("location") ?? "";
    }
    const headers = { "content-range": "14-18" };
    const whole = "hello chunked world";
    const done = await app.finish(location, digestOf(whole), { body: "world", headers });
    expect(done.status).toBe(201);
    expect(await (await app.send("GET", `blobs/${digestOf(whole)}`)).text()).toBe(whole);
  });

  test("out of order is refused, and told where it stands", async () => {
    const location = await app.begin();
    await expectError(await app.patch(location, "x", "1-1"), 416, "BLOB_UPLOAD_INVALID");
    expect((await app.patch(location, "hello", "0-4")).status).toBe(202);
    for (const range of ["0-4", "6-10", "4-8"]) {
      const reply = await app.patch(location, "hello", range);
      expect(reply.headers.get("range")).toBe("0-4");
      await expectError(reply, 416, "BLOB_UPLOAD_INVALID");
    }
    const headers = { "content-range": "9-9" };
    const last = await app.finish(location, digestOf("hello!"), { body: "!", headers });
    await expectError(last, 416, "BLOB_UPLOAD_INVALID");
    const status = await app.sendTo(location, "GET");
    expect([status.status, status.headers.get("range")]).toEqual([204, "0-4"]);
    expect(status.headers.get("location")).toBe(location);
    expect((await app.finish(location, digestOf("hello"))).status).toBe(201);
  });

  test("with a range that is none is refused", async () => {
    const location = await app.begin();
    for (const range of ["x", "5-1", "-1", `0-${"9".repeat(40)}`])
      await expectError(await app.patch(location, "hello", range), 416, "BLOB_UPLOAD_INVALID");
    await app.sendTo(location, "DELETE");
  });

  test("is left as it was by a chunk of another length than its range", async () => {
    const location = await app.begin();
    await app.patch(location, "hello ", "0-5");
    for (const range of ["6-9", "6-99"])
      await expectError(await app.patch(location, "world", range), 400, "SIZE_INVALID");
    // Without a Content-Length it comes out only behind the last byte.
    const { pathname } = new URL(location, registry.url);
    const head = `PATCH ${pathname} HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n`;
    const raw = `${head}Content-Range: 6-8\r\n\r\n5\r\nworld\r\n0\r\n\r\n`;
    expect(await sendRaw(registry, raw)).toStartWith("HTTP/1.1 400");
    expect((await app.sendTo(location, "GET")).headers.get("range")).toBe("0-5");
    const done = await app.finish(location, digestOf("hello world"), { body: "world" });
    expect(done.status).toBe(201);
  });

  test("keeps what had come when a connection broke", async () => {
    const location = await app.begin();
    const { pathname } = new URL(location, registry.url);
    const head = `PATCH ${pathname} HTTP/1.1\r\nHost: r\r\nContent-Length: 11\r\n`;
    const socket = openRaw(registry, `${head}Content-Range: 0-10\r\n\r\nhello `);
    await until("the beginning", async () => {
      const status = await app.sendTo(location, "GET");
      return status.headers.get("range") === "0-5";
    });
    socket.destroy();
    const done = await until("the upload to be free", async () => {
      const headers = { "content-range": "6-10" };
      const reply = await app.finish(location, digestOf("hello world"), { body: "world", headers });
      return reply.status === 409 ? undefined : reply;
    });
    expect(done.status).toBe(201);
  });

  test("is gone when it is cancelled", async () => {
    const location = await app.begin();
    await app.patch(location, "hello");
    expect((await app.sendTo(location, "DELETE")).status).toBe(204);
    for (const method of ["GET", "DELETE", "PATCH", "PUT"]) {
      const reply = await app.sendTo(`${location}?digest=${digestOf("x")}`, method);
      await expectError(reply, 404, "BLOB_UPLOAD_UNKNOWN");
    }
    expect(await uploads()).toEqual([]);
  });

  test("belongs to its repository", async () => {
    const location = await app.begin();
    const other = location.replace("some/app", "other/app");
    await expectError(await app.sendTo(other, "GET"), 404, "BLOB_UPLOAD_UNKNOWN");
    await app.sendTo(location, "DELETE");
  });
});

describe("a blob of another repository", () => {
  test("is mounted, from where is said or from anywhere", async () => {
    const blob = await app.pushBlob("shared");
    for (const [name, query] of [
      ["to/one", "&from=some/app"],
      ["to/two", ""],
    ]) {
      const there = new Repository(registry, name ?? "");
      const reply = await there.send("POST", `blobs/uploads/?mount=${blob.digest}${query}`);
      expect([name, reply.status]).toEqual([name, 201]);
      expect(reply.headers.get("location")).toBe(`/v2/${name}/blobs/${blob.digest}`);
      expect(await there.has(`blobs/${blob.digest}`)).toBe(200);
    }
  });

  test("that is not there becomes an upload", async () => {
    const blob = await app.pushBlob("elsewhere");
    const there = new Repository(registry, "to/three");
    for (const query of [
      `?mount=${digestOf("nowhere")}&from=some/app`,
      `?mount=${digestOf("nowhere")}`,
      `?mount=${blob.digest}&from=no/such`,
      `?mount=${blob.digest}&from=..%2f..`,
    ]) {
      const location = await there.begin(query);
      expect((await there.sendTo(location, "DELETE")).status).toBe(204);
    }
    const invalid = await there.send("POST", "blobs/uploads/?mount=sha256:short&from=some/app");
    await expectError(invalid, 400, "DIGEST_INVALID");
    expect(await there.has(`blobs/${blob.digest}`)).toBe(404);
  });
});

test("a registry that was killed in an upload goes on with it, and forgets it in the end", async () => {
  const own = new Repository(registry, "killed/app");
  const location = await own.begin();
  await own.patch(location, "hello ", "0-5");
  await registry.stop();
  const again = await registry.restart();
  expect((await own.sendTo(location, "GET")).headers.get("range")).toBe("0-5");
  const [file = ""] = await uploads();
  expect(file).not.toBe("");
  await again.stop();
  const path = `${registry.root}/uploads/${file}`;
  expect((await world.run(["touch", "-d", "2 days ago", path])).code).toBe(0);
  const half = `${registry.root}/repositories/some/app/_blobs/.x.0123456789ab.tmp`;
  await Bun.write(half, "half");
  await registry.restart();
  await expectError(await own.sendTo(location, "GET"), 404, "BLOB_UPLOAD_UNKNOWN");
  expect([await uploads(), await Bun.file(half).exists()]).toEqual([[], false]);
  expect(await app.has(`blobs/${digestOf("shared")}`)).toBe(200);
});
