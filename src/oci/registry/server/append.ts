import { type FileHandle, open } from "node:fs/promises";
import type { Digester } from "../../digest.ts";

export interface AppendOptions {
  /** Told of every byte that was written. */
  digester: Digester | undefined;
  /** Nothing is read much beyond so many bytes. */
  limit: number | undefined;
}

/** Writes a body into a file from `start` on, and returns where it ended. */
export async function appendTo(
  path: string,
  start: number,
  body: AsyncIterable<Uint8Array>,
  { digester, limit = Number.POSITIVE_INFINITY }: AppendOptions,
): Promise<number> {
  const file = await open(path, "r+");
  let position = start;
  try {
    for await (const chunk of body) {
      await writeAll(file, chunk, position);
      digester?.update(chunk);
      position += chunk.byteLength;
      if (position - start > limit) break;
    }
    return position;
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    done += (await file.write(chunk, done, chunk.byteLength - done, position + done)).bytesWritten;
  }
}
