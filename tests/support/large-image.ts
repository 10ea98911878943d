/** Images of some size whose bytes do not compress, so that what is fetched is what is declared. */
import { randomFillSync } from "node:crypto";
import { buildImage, type Entry, type Image, type ImageOptions } from "../../scripts/image.ts";

export function noise(bytes: number): Uint8Array {
  return randomFillSync(new Uint8Array(bytes));
}

/** Says hello when run; each of `layers` is the size of one more layer of nothing but noise. */
export async function buildLarge(
  layers: number[],
  options: Partial<ImageOptions> = {},
): Promise<Image> {
  const hello = await Bun.file(`${import.meta.dir}/../../dist/native/hello`).bytes();
  const above = layers.map((size, index): Entry[] => [
    { name: `noise-${index}`, content: noise(size) },
  ]);
  return buildImage({
    layers: [[{ name: "hello", content: hello }], ...above],
    config: { Cmd: ["/hello"] },
    compression: "none",
    ...options,
  });
}
