import { expect, test } from "bun:test";
import { digestOf } from "../../oci/digest.ts";
import { parseReference } from "../../oci/reference.ts";
import { lookUp } from "./distribution.ts";

const mediaType = "application/vnd.oci.image.manifest.v1+json";

/** What is said of a manifest with such a config. */
async function platformsOf(text: string | Error) {
  const config = Buffer.from(String(text));
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: {
        mediaType: "application/vnd.cncf.helm.config.v1+json",
        digest: digestOf(config),
        size: config.length,
      },
      layers: [],
    }),
  );
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const source = {
    resolve: async () => ({ descriptor, bytes, endpoint: "https://registry.test" }),
    blobBytes: async () => {
      if (text instanceof Error) throw text;
      return config;
    },
  };
  const reference = parseReference("registry.test/chart:1");
  const found = await lookUp(source, reference, new AbortController().signal);
  expect(found.descriptor).toEqual(descriptor);
  return found.platforms;
}

test("the platform of an image is told, and left out where a config says none", async () => {
  const arm = { os: "linux", architecture: "arm", variant: "v7" };
  expect(await platformsOf(JSON.stringify(arm))).toEqual([arm]);
  for (const none of ["{}", "[]", "no JSON", '{"os":1}', '{"name":"chart"}', new Error("gone")])
    expect(await platformsOf(none)).toEqual([]);
});
