import { expect, test } from "bun:test";
import type { ImageStore } from "../store/image-store.ts";
import { findSources } from "./push-plan.ts";

const digest = (text: string) => `sha256:${text.repeat(64)}`;

/** Images by their names, each with its layers. */
function storeOf(named: Record<string, string[]>): Pick<ImageStore, "tags" | "images"> {
  const entries = Object.entries(named);
  return {
    tags: () =>
      entries.map(([reference], at) => ({ reference, image: `${at}`, digest: digest("f") })),
    images: () =>
      entries.map(([, blobs], at) => ({
        ...{ id: `${at}`, created: "", author: "", config: {}, documents: [], size: 0 },
        manifest: { mediaType: "", digest: digest("f"), size: 0 },
        platform: { os: "linux", architecture: "amd64" },
        layers: blobs.map((blob) => ({ blob, diffId: blob })),
      })),
  };
}

test("findSources names other repositories of the same registry alone, each once", () => {
  const [a, b] = [digest("a"), digest("b")];
  const store = storeOf({
    "box:5000/mine:1": [a],
    "box:5000/base:1": [a],
    "box:5000/base:2": [a, b],
    "box:5000/other/base:1": [b],
    "box:5001/base:1": [a],
    "docker.io/library/base:1": [a, b],
  });
  expect([...findSources({ domain: "box:5000", path: "mine" }, store)]).toEqual([
    [a, ["base"]],
    [b, ["base", "other/base"]],
  ]);
});
