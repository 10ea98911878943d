import { expect, test } from "bun:test";
import type { ImageAnatomy, LayerAnatomy } from "../../api/anatomy.ts";
import { describeTotal, drawTree } from "./tree-picture.ts";

const layer = (digit: string, over: Partial<LayerAnatomy>): LayerAnatomy => ({
  ...{ DiffID: `sha256:${digit.repeat(64)}`, Digest: `sha256:${digit.repeat(64)}` },
  ...{ CreatedBy: "", Size: 0, CompressedSize: 0, Files: 1, WastedBytes: 0 },
  ...over,
});

const image: ImageAnatomy = {
  ...{ Id: `sha256:${"e".repeat(64)}`, RepoTags: ["app:1"], Platform: "linux/amd64" },
  ...{ Size: 1_100_000, CompressedSize: 400_000, WastedBytes: 100_000 },
  Layers: [
    layer("a", { CreatedBy: "ADD root.tar /", Size: 1_000_000, CompressedSize: 300_000 }),
    layer("b", { CreatedBy: "RUN\tx\n\u001b[2Jy", Size: 100_000, WastedBytes: 100_000 }),
  ],
};

test("drawTree shows layers as branches with bars, and takes out what would steer", () => {
  expect(drawTree(image, { columns: 200, truncate: true }).split("\n")).toEqual([
    "app:1 (eeeeeeeeeeee, linux/amd64)",
    "│  LAYER         SIZE   COMPRESSED  WASTED                        CREATED BY",
    "├─ aaaaaaaaaaaa  1MB    300kB       0B      ████████████████████  ADD root.tar /",
    "└─ bbbbbbbbbbbb  100kB  0B          100kB   ██░░                  RUN x [2Jy",
    "1.1MB unpacked, 400kB compressed, 100kB wasted (9.1%)",
    "",
  ]);
});

test("drawTree cuts lines to the terminal unless told not to", () => {
  const widths = (truncate: boolean) =>
    drawTree(image, { columns: 40, truncate })
      .split("\n")
      .slice(1, 4)
      .map((line) => Bun.stringWidth(line));
  expect(Math.max(...widths(true))).toBe(40);
  expect(Math.min(...widths(false))).toBeGreaterThan(100);
});

test("describeTotal of an image without files divides by nothing", () => {
  const empty = { ...image, Size: 0, WastedBytes: 0, CompressedSize: 0 };
  expect(describeTotal(empty)).toBe("0B unpacked, 0B compressed, 0B wasted (0.0%)");
});
