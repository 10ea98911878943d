import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { buildImage, buildIndex, digestOf, type Entry, type Image } from "../../scripts/image.ts";
import type { Daemon } from "../support/daemon.ts";
import { FakeRegistry, refuse, sendManifest } from "../support/fake-registry.ts";
import type { Finished } from "../support/process.ts";
import { expectRefusal } from "../support/sentence.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let daemon: Daemon;
let registry: FakeRegistry;

beforeAll(async () => {
  world = await World.create();
  daemon = await world.daemon();
  registry = await FakeRegistry.start(world);
});
afterAll(async () => {
  registry?.[Symbol.dispose]();
  await world?.end();
});
beforeEach(() => {
  registry.answer = () => undefined;
});

/** A small image unlike any other, so that no test finds the layers of another. */
function build(salt: string, more: Entry[] = []): Image {
  return buildImage({ layers: [[{ name: "salt", content: salt }, ...more]], config: {} });
}

/** Pulls an image that must be refused, and looks for what should not be left of it. */
async function pullRefused(name: string, pattern: RegExp | string): Promise<Finished> {
  const ran = await world.rt(["pull", `${registry.host}/${name}`]);
  expectRefusal({ ...ran, stdout: "" }, 1, pattern);
  expect(await world.rtOutput(["images", "-q"])).toBe("");
  const layers = await readdir(`${daemon.dataRoot}/layers`);
  expect(layers.filter((each) => each !== "empty" && each !== "filler")).toEqual([]);
  expect(await readdir(`${daemon.dataRoot}/content/blobs/sha256`)).toEqual([]);
  return ran;
}

test("a registry that cannot be reached", async () => {
  const ran = await world.rt(["pull", "127.0.0.1:1/x"]);
  expectRefusal({ ...ran, stdout: "" }, 1, /127\.0\.0\.1:1.*refused|connect/i);
});

test("a registry whose name does not resolve", async () => {
  const ran = await world.rt(["pull", "registry.invalid/x"]);
  expectRefusal({ ...ran, stdout: "" }, 1, "registry.invalid");
});

for (const [status, code, pattern] of [
  [401, "UNAUTHORIZED", /unauthorized|authentication|denied/],
  [403, "DENIED", /denied|forbids/],
  [404, "NAME_UNKNOWN", /not found|manifest unknown|name unknown/],
  [500, "UNKNOWN", /500/],
] as const) {
  test(`a registry that answers ${status}`, async () => {
    registry.answer = () => refuse(status, code, "for a reason");
    await pullRefused("x/status", pattern);
  });
}

test("a registry that answers 429 is asked again, in vain, and the limit is named", async () => {
  registry.answer = () => refuse(429, "TOOMANYREQUESTS", "slow down", { "retry-after": "0" });
  const before = registry.asked.length;
  await pullRefused("x/limit", /429|rate limit|too ?many ?requests/i);
  expect(registry.asked.length).toBeGreaterThan(before + 1);
});

test("an error that clears up after a moment is not seen", async () => {
  registry.serve("x/moody:latest", build("moody"));
  let failures = 0;
  registry.answer = () => {
    failures += 1;
    return failures <= 2 ? refuse(503, "UNAVAILABLE", "later", { "retry-after": "0" }) : undefined;
  };
  const name = `${registry.host}/x/moody`;
  expect((await world.rt(["pull", name])).code).toBe(0);
  await world.rtOutput(["rmi", name]);
});

test("words of a registry cannot steer the terminal", async () => {
  registry.answer = () => refuse(403, "DENIED", "\x1b[2J\x1b]0;owned\x07 no");
  const ran = await pullRefused("x/escape", /denied|forbids|no/);
  expect(ran.stderr.includes("\x1b")).toBe(false);
});

test("a manifest that is no JSON, and one that is too large", async () => {
  registry.answer = (_, url) =>
    url.pathname.includes("/manifests/")
      ? new Response("<html>", { headers: { "content-type": "text/html" } })
      : undefined;
  await pullRefused("x/html", /manifest|media type/);
  registry.answer = (_, url) =>
    url.pathname.includes("/manifests/") ? new Response(" ".repeat(5 * 1024 * 1024)) : undefined;
  await pullRefused("x/large", /larger|too large|exceeds|manifest/);
});

test("a document with both manifests and layers (CVE-2021-41190)", async () => {
  const image = build("both");
  const both = { ...JSON.parse(new TextDecoder().decode(image.manifest)), manifests: [] };
  registry.serve("x/both:latest", { ...image, ...encode(both) });
  await pullRefused("x/both", /manifests|ambiguous|both/);
});

test("a manifest whose digest is not the one that was asked for", async () => {
  const [asked, given] = [build("asked"), build("given")];
  registry.answer = (_, url) =>
    url.pathname.endsWith(asked.digest)
      ? sendManifest({ ...given, digest: asked.digest })
      : undefined;
  await pullRefused(`x/other@${asked.digest}`, /digest/);
});

test("an index with no image for this processor", async () => {
  const image = buildImage({ layers: [[{ name: "x" }]], config: {}, architecture: "s390x" });
  registry.serve("x/foreign:latest", buildIndex([{ image, architecture: "s390x" }]));
  await pullRefused("x/foreign", /no matching manifest for linux\/|platform/);
});

test("a layer of other bytes than its digest says", async () => {
  const image = build("digest");
  registry.serve(
    "x/wrong:latest",
    withLayer(image, (bytes) => flip(bytes)),
  );
  await pullRefused("x/wrong", /digest/);
});

test("a layer that is longer than declared is not read further", async () => {
  const image = build("longer");
  registry.serve(
    "x/longer:latest",
    withLayer(image, (bytes) => Buffer.concat([bytes, Buffer.alloc(1 << 20)])),
  );
  await pullRefused("x/longer", /size|longer|larger|more than|digest/);
});

test("a layer that is shorter than declared", async () => {
  const image = build("shorter");
  registry.serve(
    "x/shorter:latest",
    withLayer(image, (bytes) => bytes.slice(0, bytes.length - 10)),
  );
  await pullRefused("x/shorter", /size|short|truncated|ended|digest|less|closed/);
});

test("a layer that is truncated where its digest is right", async () => {
  const image = build("truncated", [
    { name: "more", content: crypto.getRandomValues(new Uint8Array(50_000)) },
  ]);
  registry.serve(
    "x/truncated:latest",
    relabel(image, (bytes) => bytes.slice(0, bytes.length >> 1)),
  );
  await pullRefused("x/truncated", /truncated|unexpected end|corrupt|incomplete|ends/i);
});

test("a layer whose plain bytes are not those that the config names", async () => {
  const [image, other] = [build("plain"), build("plainer")];
  const layer = [...other.blobs.values()][0] ?? new Uint8Array();
  registry.serve(
    "x/diff:latest",
    relabel(image, () => layer),
  );
  await pullRefused("x/diff", /diff_?id|digest|plain/i);
});

test("a layer that is no archive", async () => {
  const image = build("noise");
  registry.serve(
    "x/noise:latest",
    relabel(image, () => new TextEncoder().encode("x".repeat(2000))),
  );
  await pullRefused("x/noise", /archive|header|checksum|tar|diff_?id|digest/i);
});

test("an entry that leaves the root refuses its whole layer, and is named", async () => {
  for (const name of ["../../escape", "a/../../escape", ".wh..", ".wh..."]) {
    registry.serve("x/climb:latest", build(name, [{ name, content: "x" }]));
    const ran = await pullRefused("x/climb", /escape|\.wh\./);
    expect(ran.code).toBe(1);
  }
});

test("a config with other layers than the manifest", async () => {
  const image = build("count");
  const manifest = JSON.parse(new TextDecoder().decode(image.manifest));
  manifest.layers.push(manifest.layers[0]);
  registry.serve("x/count:latest", { ...image, ...encode(manifest) });
  await pullRefused("x/count", /layers|diff_?ids/i);
});

test("a redirect never carries credentials to another host, nor leads to a file", async () => {
  registry.answer = (_, url) =>
    url.pathname.includes("/blobs/")
      ? new Response(null, { status: 307, headers: { location: "file:///etc/passwd" } })
      : undefined;
  registry.serve("x/redirect:latest", build("redirect"));
  await pullRefused("x/redirect", /redirect|file:/);
});

test("a redirect that never ends", async () => {
  registry.answer = (_, url) =>
    url.pathname.includes("/blobs/")
      ? new Response(null, { status: 307, headers: { location: `${url.pathname}?again` } })
      : undefined;
  registry.serve("x/round:latest", build("round"));
  await pullRefused("x/round", /redirect/);
});

test("after all of this the same daemon pulls and runs an honest image", async () => {
  const content = await Bun.file(`${import.meta.dir}/../../dist/native/hello`).bytes();
  const image = buildImage({ layers: [[{ name: "hello", content }]], config: { Cmd: ["/hello"] } });
  registry.serve("x/honest:latest", image);
  const ran = await world.rt(["run", "--rm", "-q", `${registry.host}/x/honest`]);
  expect(ran.stdout).toStartWith("Hello from rt!");
});

function encode(manifest: unknown): { manifest: Uint8Array; digest: string } {
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  return { manifest: bytes, digest: digestOf(bytes) };
}

/** The same names for changed bytes: what a lying registry sends. */
function withLayer(image: Image, change: (bytes: Uint8Array) => Uint8Array): Image {
  const [[digest, bytes] = ["", new Uint8Array()], ...rest] = image.blobs;
  return { ...image, blobs: new Map([[digest, change(bytes)], ...rest]) };
}

/** Changed bytes under their true digest and size: what a hostile author pushes. */
function relabel(image: Image, change: (bytes: Uint8Array) => Uint8Array): Image {
  const [[, bytes] = ["", new Uint8Array()], ...rest] = image.blobs;
  const layer = change(bytes);
  const manifest = JSON.parse(new TextDecoder().decode(image.manifest));
  manifest.layers[0] = { ...manifest.layers[0], digest: digestOf(layer), size: layer.length };
  return { ...image, ...encode(manifest), blobs: new Map([[digestOf(layer), layer], ...rest]) };
}

function flip(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  const at = copy.length >> 1;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
