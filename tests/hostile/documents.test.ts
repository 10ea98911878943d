/** Manifests, indexes and configs that lie or are too large, by pull and load: a sentence, and nothing is left. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { type Descriptor, digestOf, hostArchitecture, type Image } from "../../scripts/image.ts";
import { isSentence } from "../support/attempt.ts";
import type { Daemon } from "../support/daemon.ts";
import { FakeRegistry, refuse } from "../support/fake-registry.ts";
import { encode, imageOf, Tar } from "../support/layers.ts";
import { forgetImages, keptBy, pullName, take } from "../support/ways.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let daemon: Daemon;
let registry: FakeRegistry;
let empty: string[];

beforeAll(async () => {
  world = await World.create();
  daemon = await world.daemon();
  registry = await FakeRegistry.start(world);
  empty = await keptBy(daemon);
});
afterAll(async () => {
  registry?.[Symbol.dispose]();
  await world?.end();
});
beforeEach(() => {
  registry.answer = () => undefined;
  registry.asked.length = 0;
});
afterEach(async () => {
  await forgetImages(daemon);
  expect(await keptBy(daemon)).toEqual(empty);
});

const blob = new Tar().file("f", "content").end();
const honest = imageOf([{ blob }]);
const [layer, config] = descriptorsOf(honest);
const ways = ["pull", "load"] as const;
const mebibyte = 1024 * 1024;
const blank = " ".repeat(4 * mebibyte);

function descriptorsOf(image: Image): [Descriptor, Descriptor] {
  const document = JSON.parse(new TextDecoder().decode(image.manifest));
  return [document.layers[0], document.config];
}

/** The honest image's blobs under another document. */
function under(raw: Uint8Array, mediaType = honest.mediaType): Image {
  return { manifest: raw, mediaType, digest: digestOf(raw), blobs: honest.blobs };
}

const indexType = "application/vnd.oci.image.index.v1+json";
const describe = (image: Image): Descriptor => ({
  ...{ mediaType: image.mediaType, digest: image.digest, size: image.manifest.length },
});

/** An index of an image, `depth` indexes above it; what is below is among the blobs. */
function nested(depth: number): Image {
  let image = honest;
  const blobs = new Map(honest.blobs);
  for (let at = 0; at < depth; at++) {
    blobs.set(image.digest, image.manifest);
    const platform = { os: "linux", architecture: hostArchitecture() };
    const manifests = [{ ...describe(image), platform }];
    const raw = encode({ schemaVersion: 2, mediaType: indexType, manifests });
    image = { manifest: raw, mediaType: indexType, digest: digestOf(raw), blobs };
  }
  return image;
}

/** What an index leads to is asked for as a manifest. */
function serveBelow(image: Image): void {
  registry.answer = (_, url) => {
    const digest = url.pathname.split("/manifests/")[1] ?? "";
    const bytes = image.blobs.get(digest);
    const type = bytes && JSON.parse(new TextDecoder().decode(bytes)).mediaType;
    return bytes && new Response(new Uint8Array(bytes), { headers: { "content-type": type } });
  };
}

const badDigests = [
  "sha256:../../../../etc/passwd",
  `sha256:${"A".repeat(64)}`,
  `sha256:${"0".repeat(63)}`,
  `sha256:${"0".repeat(65)}`,
  `SHA256:${"0".repeat(64)}`,
  `md5:${"0".repeat(32)}`,
  `sha512:${"0".repeat(64)}`,
  `sha256:${"0".repeat(62)}/.`,
  `sha256:${"0".repeat(63)}\n`,
  `sha256:${"0".repeat(64)}\u0000`,
  "",
  7,
  null,
];

const both = { manifests: [describe(honest)], layers: [layer], config };
const refused: Record<string, [Image, RegExp]> = {
  "both manifests and layers (CVE-2021-41190)": [
    under(encode({ schemaVersion: 2, mediaType: honest.mediaType, ...both })),
    /both manifests and layers/,
  ],
  "an index that has layers": [
    under(encode({ schemaVersion: 2, mediaType: indexType, ...both }), indexType),
    /both manifests and layers/,
  ],
  "a manifest that calls itself an index": [
    under(encode({ schemaVersion: 2, mediaType: indexType, layers: [layer], config })),
    /mediaType/,
  ],
  "schema 1": [under(encode({ schemaVersion: 1, fsLayers: [] })), /schema 1 is not supported/],
  "more layers than diff_ids": [
    imageOf([{ blob }], { manifest: { layers: [layer, layer] } }),
    /2 layers, the config 1 diff_ids/,
  ],
  "fewer layers than diff_ids": [
    imageOf([{ blob }], { manifest: { layers: [] } }),
    /0 layers, the config 1 diff_ids/,
  ],
  "a diffID of other content": [
    imageOf([{ blob, diffId: digestOf(new Uint8Array(3)) }]),
    /wrong content.*diffID/,
  ],
  "a diffID that is no digest": [imageOf([{ blob, diffId: "sha256:../../x" }]), /no valid digest/],
  "a config of more than 4 MiB": [
    imageOf([{ blob }], { config: { comment: blank } }),
    /larger than 4194304 bytes/,
  ],
  "a manifest of more than 4 MiB": [
    imageOf([{ blob }], { manifest: { annotations: { x: blank } } }),
    /larger than 4194304 bytes/,
  ],
  "a config that is no JSON": [
    imageOf([{ blob }], { manifest: { config: { ...layer, mediaType: config.mediaType } } }),
    /image config: not valid JSON/,
  ],
  "a config of another operating system": [
    imageOf([{ blob }], { config: { os: "windows" } }),
    /platform|Linux images only/,
  ],
  "a negative size": [
    imageOf([{ blob }], { manifest: { layers: [{ ...layer, size: -1 }] } }),
    /no valid size/,
  ],
  "a size that is too large to count": [
    imageOf([{ blob }], { manifest: { layers: [{ ...layer, size: 2 ** 60 }] } }),
    /no valid size/,
  ],
  "another size than the layer has": [
    imageOf([{ blob }], { manifest: { layers: [{ ...layer, size: layer.size + 1 }] } }),
    /wrong size/,
  ],
  "a thousand layers and one": [
    imageOf([{ blob }], { manifest: { layers: new Array(1001).fill(layer) } }),
    /more than 1000 entries/,
  ],
  "nesting without end": [
    under(new TextEncoder().encode(`{"schemaVersion":2,"x":${"[".repeat(100_000)}`)),
    /nested too deeply|not valid JSON/,
  ],
  ...Object.fromEntries(
    badDigests.flatMap((digest) => [
      [
        `${JSON.stringify(digest)} for the digest of a layer`,
        [imageOf([{ blob }], { manifest: { layers: [{ ...layer, digest }] } }), /digest/],
      ],
      [
        `${JSON.stringify(digest)} for the digest of a config`,
        [imageOf([{ blob }], { manifest: { config: { ...config, digest } } }), /digest/],
      ],
    ]),
  ),
};

for (const [what, [image, words]] of Object.entries(refused)) {
  test(`${what}: refused`, async () => {
    for (const way of ways) {
      const message = await take({ daemon, registry }, way, image, blob);
      expect([way, message]).toEqual([way, expect.stringMatching(words)]);
      expect([message, isSentence(message)]).toEqual([message, true]);
      expect([way, await keptBy(daemon)]).toEqual([way, empty]);
    }
  });
}

test("indexes are followed eight deep and no deeper", async () => {
  for (const way of ways) {
    serveBelow(nested(9));
    expect(await take({ daemon, registry }, way, nested(8), blob)).toBe("");
    await forgetImages(daemon);
    const message = await take({ daemon, registry }, way, nested(9), blob);
    expect([way, message]).toEqual([way, expect.stringMatching(/nested more than 8 deep/)]);
    expect(await keptBy(daemon)).toEqual(empty);
  }
});

test("urls and data of a descriptor are not so much as looked at", async () => {
  const strange = {
    urls: [`http://${registry.host}/evil`, "file:///etc/passwd"],
    data: "aGVsbG8=",
  };
  const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  const manifest = { layers: [{ ...layer, ...strange, mediaType: foreign }] };
  const image = imageOf([{ blob }], { manifest });
  for (const way of ways) {
    expect([way, await take({ daemon, registry }, way, image, blob)]).toEqual([way, ""]);
    await forgetImages(daemon);
  }
  const blobs = new Map([...image.blobs].filter(([digest]) => digest !== layer.digest));
  registry.answer = (_, { pathname }) =>
    pathname.endsWith(layer.digest) ? refuse(404, "BLOB_UNKNOWN", "not here") : undefined;
  for (const way of ways) {
    const message = await take({ daemon, registry }, way, { ...image, blobs }, blob);
    expect([way, message]).toEqual([way, expect.stringMatching(/not found|lacks the blob/)]);
  }
  expect(registry.asked.filter((path) => path.includes("evil"))).toEqual([]);
});

test("a body without end is read to the first byte too many, whatever it is of", async () => {
  const endless: Record<string, [(path: string) => boolean, RegExp]> = {
    manifest: [(path) => path.includes("/manifests/"), /larger than 4194304 bytes/],
    config: [(path) => path.endsWith(config.digest), /size|longer|larger|more than/],
    layer: [(path) => path.endsWith(layer.digest), /size|longer|larger|more than/],
  };
  for (const [what, [isIt, words]] of Object.entries(endless)) {
    const { stream, sent } = flood();
    registry.answer = (_, { pathname }) => (isIt(pathname) ? new Response(stream) : undefined);
    const message = await take({ daemon, registry }, "pull", honest, blob);
    expect([what, message]).toEqual([what, expect.stringMatching(words)]);
    // What is on its way in the relay and the sockets comes on top.
    expect(sent()).toBeLessThan(24 * mebibyte);
  }
});

test("an error body without end, or in a language of its own, is no message", async () => {
  const { stream, sent } = flood();
  registry.answer = () => new Response(stream, { status: 403 });
  const message = await pullName(daemon, `${registry.host}/x/words`);
  expect(message).toMatch(/denied access/);
  expect(sent()).toBeLessThan(24 * mebibyte);
  registry.answer = () => {
    const errors = [
      { code: "\u001b[31mDENIED", message: `\u001b]0;owned\u0007${"x".repeat(5000)}` },
    ];
    return Response.json({ errors }, { status: 403 });
  };
  const words = await pullName(daemon, `${registry.host}/x/words`);
  expect([words, isSentence(words)]).toEqual([words, true]);
});

/** A body that never ends, and how much of it was taken. */
function flood() {
  let sent = 0;
  const chunk = new Uint8Array(64 * 1024).fill(32);
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    sent += chunk.length;
    if (sent > 512 * mebibyte) controller.close();
    else controller.enqueue(chunk.slice());
  };
  return { stream: new ReadableStream({ pull }), sent: () => sent };
}
