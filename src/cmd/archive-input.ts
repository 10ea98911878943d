import { toPathError } from "./copy/pack.ts";

/** Read and sent at once. */
const pieceSize = 1024 * 1024;

/** The bytes of a file, which must be there now, or of stdin. */
export async function readArchive(path: string | undefined): Promise<AsyncIterable<Uint8Array>> {
  if (path === undefined) return Bun.stdin.stream() as unknown as AsyncIterable<Uint8Array>;
  const { open } = await import("node:fs/promises");
  const file = await open(path, "r").catch(toPathError);
  return readPieces(file);
}

async function* readPieces(
  file: Awaited<ReturnType<typeof import("node:fs/promises").open>>,
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const piece = Buffer.allocUnsafe(pieceSize);
      const { bytesRead } = await file.read(piece, 0, piece.length).catch(toPathError);
      if (bytesRead === 0) return;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
