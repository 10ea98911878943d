import { expect, test } from "bun:test";
import { digestOf } from "./digest.ts";
import {
  annotate,
  blobsOf,
  buildList,
  describeVerbose,
  type ListedManifest,
  normalizeName,
} from "./manifest-list.ts";
import { dockerIndex, dockerManifest, ociIndex, ociManifest } from "./media-types.ts";
import type { Platform } from "./platform.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;

function listed(ref: string, platform: Platform, mediaType = ociManifest): ListedManifest {
  const config = { mediaType: "application/x.config", digest: digest("c"), size: 2 };
  const layer = { mediaType: "application/x.layer", digest: digest("d"), size: 3 };
  const manifest = { schemaVersion: 2, mediaType, config, layers: [layer, layer] };
  const raw = new TextEncoder().encode(JSON.stringify(manifest));
  return { ref, descriptor: { mediaType, digest: digestOf(raw), size: raw.length, platform }, raw };
}

const amd64 = { os: "linux", architecture: "amd64" };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("buildList makes the same bytes in whatever order manifests and members come", () => {
  const a = listed("h/app:amd64", amd64);
  const b = listed("h/app:arm", {
    ...{ variant: "v7", "os.features": ["x"], os: "linux" },
    ...{ "os.version": "1", architecture: "arm" },
  });
  const list = buildList([b, a]);
  expect(list.mediaType).toBe(ociIndex);
  expect(text(list.bytes)).toBe(text(buildList([a, b]).bytes));
  expect(text(list.bytes)).toStartWith(`{\n   "schemaVersion": 2,\n   "mediaType": "${ociIndex}",`);
  const [first, second] = JSON.parse(text(list.bytes)).manifests;
  expect(Object.keys(first)).toEqual(["mediaType", "size", "digest", "platform"]);
  expect(Object.keys(second.platform)).toEqual([
    ...["architecture", "os", "os.version", "os.features", "variant"],
  ]);
});

test("buildList is Docker's list for Docker's manifests, and wants platforms", () => {
  expect(buildList([listed("h/a:1", amd64, dockerManifest)]).mediaType).toBe(dockerIndex);
  expect(() => buildList([listed("h/a:1", { os: "linux", architecture: "" })])).toThrow(
    "manifest h/a:1 must have an OS and Architecture to be pushed to a registry",
  );
});

test("annotate changes what it is told and refuses what is no platform", () => {
  const before = listed("h/a:1", { ...amd64, "os.features": ["x"] });
  const after = annotate(before, {
    ...{ architecture: "arm", variant: "v7", osVersion: "10" },
    osFeatures: ["x", "y"],
  });
  expect(after.descriptor.platform).toEqual({
    ...{ os: "linux", architecture: "arm", variant: "v7", "os.version": "10" },
    "os.features": ["x", "y"],
  });
  expect(after.raw).toBe(before.raw);
  for (const os of ["nonsense", "constructor", "__proto__"])
    expect(() => annotate(before, { os, osFeatures: [] })).toThrow(
      `manifest entry for image has unsupported os/arch combination: ${os}/amd64`,
    );
});

test("blobsOf names config and layers once; a list has none", () => {
  expect(blobsOf(listed("h/a:1", amd64))).toEqual([digest("c"), digest("d")]);
  const raw = new TextEncoder().encode(`{"schemaVersion":2,"manifests":[]}`);
  expect(() => blobsOf({ ...listed("h/a:1", amd64), raw })).toThrow();
});

test("describeVerbose holds the document's own text", () => {
  const manifest = listed("h/a:1", amd64, dockerManifest);
  const shown = describeVerbose(manifest);
  expect(shown).toContain(`"SchemaV2Manifest":${text(manifest.raw)}`);
  const { Raw, Ref, OCIManifest } = JSON.parse(shown);
  expect([Buffer.from(Raw, "base64").toString(), Ref, OCIManifest]).toEqual([
    ...[text(manifest.raw), "h/a:1", undefined],
  ]);
});

test("normalizeName gives the whole name", () => {
  expect(normalizeName("app").name).toBe("docker.io/library/app:latest");
  expect(normalizeName(`app@${digest("a")}`).name).toBe(`docker.io/library/app@${digest("a")}`);
});
