import { describe, expect, test } from "bun:test";
import { digestOf } from "./digest.ts";
import { manifestCap, parseManifest } from "./manifest.ts";
import {
  dockerIndex,
  dockerManifest,
  ociConfig,
  ociIndex,
  ociLayerGzip,
  ociManifest,
} from "./media-types.ts";

const config = { mediaType: ociConfig, digest: digestOf("c"), size: 1 };
const layer = {
  mediaType: ociLayerGzip,
  digest: digestOf("l"),
  size: 1,
  urls: ["http://evil"],
  data: "bA==",
};
const manifest = { schemaVersion: 2, config, layers: [layer] };
const index = {
  schemaVersion: 2,
  manifests: [
    {
      mediaType: ociManifest,
      digest: digestOf("m"),
      size: 1,
      platform: { os: "linux", architecture: "amd64" },
    },
  ],
};

const encode = (value: unknown) => Buffer.from(JSON.stringify(value));

describe("parseManifest", () => {
  test("a manifest keeps its bytes, and urls and data of descriptors are dropped", () => {
    const raw = encode(manifest);
    const parsed = parseManifest(raw, ociManifest);
    expect(parsed).toMatchObject({ kind: "manifest", mediaType: ociManifest, config });
    expect(parsed.raw).toBe(raw);
    expect(parsed.kind === "manifest" && parsed.layers[0]).toEqual({
      mediaType: ociLayerGzip,
      digest: layer.digest,
      size: 1,
    });
  });

  test("the type is the document's own, then the announced one, then OCI's", () => {
    expect(parseManifest(encode({ ...manifest, mediaType: dockerManifest })).mediaType).toBe(
      dockerManifest,
    );
    expect(parseManifest(encode(manifest), dockerManifest).mediaType).toBe(dockerManifest);
    expect(parseManifest(encode(manifest), "application/json").mediaType).toBe(ociManifest);
    expect(parseManifest(encode(index)).mediaType).toBe(ociIndex);
    expect(parseManifest(encode(index), dockerIndex).kind).toBe("index");
  });

  test("documents that could be read in two ways are refused", () => {
    const cases: [unknown, string, string][] = [
      [{ ...manifest, ...index }, "", "it has both manifests and layers"],
      [{ ...index, config }, "", "it has both manifests and layers"],
      [{ ...index, layers: null }, "", "it has both manifests and layers"],
      [manifest, ociIndex, "does not fit its content"],
      [{ ...index, mediaType: ociManifest }, "", "does not fit its content"],
      [{ ...manifest, mediaType: "text/plain" }, "", "does not fit its content"],
      [{ ...manifest, mediaType: ociManifest }, dockerManifest, "differs from the announced one"],
    ];
    for (const [value, type, message] of cases) {
      expect(() => parseManifest(encode(value), type)).toThrow(message);
    }
  });

  test("malformed documents are refused, each with its reason", () => {
    const cases: [unknown, string][] = [
      [null, "not an object"],
      [[], "not an object"],
      [{ schemaVersion: 3, config, layers: [] }, "unknown schemaVersion"],
      [{ schemaVersion: 2 }, "neither manifests nor layers"],
      [{ schemaVersion: 2, manifests: {} }, "neither manifests nor layers"],
      [{ ...manifest, config: undefined }, "config: not an object"],
      [{ ...manifest, layers: {} }, "layers is not a list"],
      [
        { ...manifest, layers: [{ ...layer, digest: "sha256:../x" }] },
        "layers[0]: no valid digest",
      ],
      [{ ...manifest, layers: [{ ...layer, size: -1 }] }, "layers[0]: no valid size"],
      [{ ...manifest, layers: [{ ...layer, size: 1e300 }] }, "layers[0]: no valid size"],
      [{ ...manifest, layers: [{ ...layer, size: "1" }] }, "layers[0]: no valid size"],
      [
        { ...manifest, layers: [{ ...layer, mediaType: "a\nb/c" }] },
        "layers[0]: no valid mediaType",
      ],
      [{ ...manifest, annotations: { a: 1 } }, "a value is not a string"],
      [{ ...manifest, layers: Array(1001).fill(layer) }, "more than 1000 entries"],
      [{ schemaVersion: 2, manifests: [{ ...config, platform: { os: 1 } }] }, "names no os"],
    ];
    for (const [value, message] of cases) {
      expect(() => parseManifest(encode(value))).toThrow(message);
    }
  });

  test("what is no JSON, too large or too deep is refused", () => {
    expect(() => parseManifest(Buffer.from("{"))).toThrow("not valid JSON");
    expect(() => parseManifest(Buffer.from([0x22, 0xff, 0x22]))).toThrow("not valid JSON");
    expect(() => parseManifest(Buffer.alloc(manifestCap + 1, " "))).toThrow("larger than");
    const deep = Buffer.from("[".repeat(1_000_000) + "]".repeat(1_000_000));
    expect(() => parseManifest(deep)).toThrow("nested too deeply");
  });

  test("schema 1 is named as such", () => {
    expect(() => parseManifest(encode({ schemaVersion: 1, fsLayers: [] }))).toThrow(
      "schema 1 is not supported",
    );
    const type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    expect(() => parseManifest(encode(manifest), type)).toThrow("schema 1 is not supported");
  });

  test("keys that JavaScript treats as special do no harm", () => {
    const raw = Buffer.from(
      JSON.stringify(manifest).replace(
        "{",
        '{"__proto__":{"x":1},"annotations":{"__proto__":"a"},',
      ),
    );
    const parsed = parseManifest(raw);
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect("x" in {}).toBe(false);
  });
});
