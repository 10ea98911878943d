import { open } from "node:fs/promises";
import { ociLayer, ociLayerGzip, ociLayerZstd } from "../../oci/media-types.ts";
import { checkCompression, sniff } from "./inflate-stream.ts";
import type { SpooledFile } from "./spool.ts";

/** OCI's name for a layer as it is compressed. Throws invalid_argument for what this engine does not read. */
export async function mediaTypeOf({ path }: SpooledFile): Promise<string> {
  await using file = await open(path, "r");
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  const kind = sniff(buffer);
  checkCompression(kind);
  return { none: ociLayer, gzip: ociLayerGzip, zstd: ociLayerZstd, xz: "", bzip2: "" }[kind];
}
