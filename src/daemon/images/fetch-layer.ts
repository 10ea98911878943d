import type { ProgressMessage } from "../../api/types.ts";
import { EngineError, messageOf } from "../../errors.ts";
import type { ExtractResult } from "../../native-types.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Ingest } from "../../oci/ingest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import type { Reference } from "../../oci/reference.ts";
import type { ImageSource } from "../../oci/registry/types.ts";
import type { LayerStore } from "./layer-store.ts";

/** How often a broken stream is taken up again before the pull fails. */
const maxResumes = 5;
/** Milliseconds between two progress messages of one layer. */
const progressInterval = 100;

export type Report = (message: ProgressMessage) => void;

export interface LayerFetch {
  source: ImageSource;
  reference: Reference;
  descriptor: Descriptor;
  diffId: Digest;
  content: ContentStore;
  layers: LayerStore;
  report: Report;
  signal: AbortSignal;
}

/**
 * Brings one layer into the store: the body is appended to the blob's partial file, which a native
 * extraction follows as it grows. On return blob and tree are verified and visible. When it fails no tree
 * is left; what has arrived of the blob stays for the next attempt, unless it was wrong.
 */
export async function fetchLayer(fetch: LayerFetch): Promise<void> {
  const { descriptor, content, layers, report } = fetch;
  const id = shortDigest(descriptor.digest);
  if (await content.has(descriptor.digest)) {
    await unpackStored(fetch, id);
  } else {
    const ingest = await content.ingest(descriptor.digest, descriptor.size);
    await download(fetch, ingest, id).catch(async (error: unknown) => {
      await ingest.abort(isWorthKeeping(error));
      throw error;
    });
  }
  report({ status: "Pull complete", progressDetail: {}, id });

  async function unpackStored({ diffId }: LayerFetch, layer: string): Promise<void> {
    report({ status: "Extracting", progressDetail: {}, id: layer });
    const { staging, extraction } = layers.extract(content.path(descriptor.digest));
    extraction.grown(descriptor.size);
    extraction.finish();
    const result = await extraction.done;
    await layers.commit(staging, result, diffId);
  }
}

async function download(fetch: LayerFetch, ingest: Ingest, id: string): Promise<void> {
  const { layers, descriptor, diffId, report } = fetch;
  const stop = new AbortController();
  const signal = AbortSignal.any([fetch.signal, stop.signal]);
  const { staging, extraction } = layers.extract(ingest.path);
  let refused: unknown;
  const done: Promise<ExtractResult | undefined> = extraction.done.catch((error: unknown) => {
    refused = error;
    stop.abort();
    return undefined;
  });
  try {
    extraction.grown(ingest.offset);
    await copyBody({ ...fetch, signal }, ingest, id, (total) => extraction.grown(total));
    extraction.finish();
  } catch (error) {
    const isRefused = stop.signal.aborted;
    extraction.cancel();
    await done;
    throw isRefused ? await explain(refused, ingest) : error;
  }
  report({ status: "Download complete", progressDetail: {}, id });
  report({
    status: "Extracting",
    progressDetail: { current: descriptor.size, total: descriptor.size },
    id,
  });
  const result = await done;
  if (result === undefined) throw await explain(refused, ingest);
  try {
    const isSha256 = descriptor.digest.startsWith("sha256:");
    await ingest.commit(
      isSha256 ? { digest: result.digest, size: result.blobSize } : { verify: true },
    );
  } catch (error) {
    await layers.discard(staging);
    throw error;
  }
  await layers.commit(staging, result, diffId);
}

/** A layer that cannot be read because it is not the one that was asked for: then that is what to say. */
async function explain(refused: unknown, ingest: Ingest): Promise<unknown> {
  if (ingest.offset !== ingest.size) return refused;
  const hasher = new Bun.CryptoHasher(ingest.digest.startsWith("sha512:") ? "sha512" : "sha256");
  for await (const chunk of Bun.file(ingest.path).stream()) hasher.update(chunk);
  const digest = `${ingest.digest.slice(0, 6)}:${hasher.digest("hex")}`;
  if (digest === ingest.digest) return refused;
  return new EngineError(
    "invalid_argument",
    `layer has the wrong digest: expected ${ingest.digest}, got ${digest}`,
    {
      cause: refused,
      hint: "the registry gave other content than it promised; nothing of it was kept",
    },
  );
}

/** Appends the blob's body to the partial file from where it ends, taking a broken stream up again. */
async function copyBody(
  fetch: LayerFetch,
  ingest: Ingest,
  id: string,
  grown: (total: number) => void,
): Promise<void> {
  const { source, reference, descriptor, signal } = fetch;
  const progress = progressReporter(fetch.report, id, descriptor.size);
  for (let resumes = 0; ingest.offset < descriptor.size; resumes++) {
    const before = ingest.offset;
    try {
      // Not hashed here: the extraction does that as it reads.
      const body = await source.blob(reference, descriptor, {
        offset: before,
        verify: false,
        signal,
      });
      await append(body, ingest, (total) => {
        grown(total);
        progress(total);
      });
    } catch (error) {
      signal.throwIfAborted();
      if (ingest.offset === before || resumes >= maxResumes || !isWorthKeeping(error)) throw error;
    }
  }
}

/** A registry that cannot resume sends all of it again: what the file has already is skipped, not rewritten. */
async function append(
  body: { stream: ReadableStream<Uint8Array>; offset: number },
  ingest: Ingest,
  grown: (total: number) => void,
): Promise<void> {
  let skip = ingest.offset - body.offset;
  for await (const chunk of body.stream) {
    const fresh = skip > 0 ? chunk.subarray(Math.min(skip, chunk.length)) : chunk;
    skip -= chunk.length - fresh.length;
    if (fresh.length === 0) continue;
    await ingest.write(fresh);
    grown(ingest.offset);
  }
}

function progressReporter(report: Report, id: string, total: number): (current: number) => void {
  let last = 0;
  return (current) => {
    const now = performance.now();
    if (now - last < progressInterval) return;
    last = now;
    report({ status: "Downloading", progressDetail: { current, total }, id });
  };
}

/** Bytes that a connection or a disk cut short are good; bytes that were refused are not. */
function isWorthKeeping(error: unknown): boolean {
  return (
    !(error instanceof EngineError) ||
    error.code === "unavailable" ||
    messageOf(error).includes("cancel")
  );
}

/** Docker's short form: 12 hex digits. */
export function shortDigest(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}
