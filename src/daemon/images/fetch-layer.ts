import type { ProgressMessage } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import type { ExtractResult } from "../../native-types/layers.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Ingest } from "../../oci/ingest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import type { Reference } from "../../oci/reference.ts";
import type { ImageSource, RetryEvent } from "../../oci/registry/types.ts";
import type { LayerStore, Unpacking } from "./layer-store.ts";

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
 * Brings one layer into the store. On return blob and tree are verified and visible. When it fails no tree
 * is left; what has arrived of the blob stays for the next attempt, unless it was wrong.
 */
export async function fetchLayer(fetch: LayerFetch): Promise<void> {
  const id = shortDigest(fetch.descriptor.digest);
  if (!(await unpackStored(fetch, id))) {
    const parts = { joined: false };
    try {
      await fetchBlob(fetch, id, parts, true);
    } catch (error) {
      // What was put together from several answers may be wrong where they meet: once more, in one piece.
      if (!parts.joined || isWorthKeeping(error)) throw error;
      await fetchBlob(fetch, id, parts, false);
    }
  }
  fetch.report({ status: "Pull complete", progressDetail: {}, id });
}

async function fetchBlob(
  fetch: LayerFetch,
  id: string,
  parts: { joined: boolean },
  ranges: boolean,
): Promise<void> {
  const { content, descriptor } = fetch;
  const ingest = await content.ingest(descriptor.digest, descriptor.size);
  parts.joined = ingest.offset > 0;
  const onResume = (): void => {
    parts.joined = true;
  };
  try {
    await download({ ...fetch, ranges, onResume }, ingest, id);
  } catch (error) {
    await ingest.abort(isWorthKeeping(error));
    throw error;
  }
}

/** False if the store does not have the blob, or has it no longer: a damaged one is removed, to be fetched again. */
async function unpackStored(fetch: LayerFetch, id: string): Promise<boolean> {
  const { descriptor, content, layers, report, signal } = fetch;
  if (!(await content.has(descriptor.digest))) return false;
  report({ status: "Extracting", progressDetail: {}, id });
  const unpacking = layers.unpack(content.path(descriptor.digest), signal);
  unpacking.extraction.grown(descriptor.size);
  unpacking.extraction.finish();
  let isRight = false;
  try {
    const result = await unpacking.done;
    // Then it is the image that is wrong about it, and others may need it.
    isRight = result.digest === descriptor.digest;
    await checkContent(fetch, unpacking, result);
    await layers.commit(unpacking, result);
    return true;
  } catch (error) {
    if (isRight || isWorthKeeping(error)) throw error;
    await content.remove(descriptor.digest);
    return false;
  }
}

interface Download extends LayerFetch {
  /** See BlobOptions. */
  ranges: boolean;
  onResume: () => void;
}

/** The body is appended to the blob's partial file, which a native extraction follows as it grows. */
async function download(fetch: Download, ingest: Ingest, id: string): Promise<void> {
  const { layers, descriptor, report } = fetch;
  const stop = new AbortController();
  const signal = AbortSignal.any([fetch.signal, stop.signal]);
  const unpacking = layers.unpack(ingest.path, fetch.signal);
  const { extraction } = unpacking;
  let refused: unknown;
  const done: Promise<ExtractResult | undefined> = unpacking.done.catch((error: unknown) => {
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
  report({ status: "Verifying Checksum", progressDetail: {}, id });
  report({ status: "Download complete", progressDetail: {}, id });
  const { size: total } = descriptor;
  report({ status: "Extracting", progressDetail: { current: total, total }, id });
  const result = await done;
  if (result === undefined) throw await explain(refused, ingest);
  await checkContent(fetch, unpacking, result);
  try {
    const isSha256 = descriptor.digest.startsWith("sha256:");
    await ingest.commit(
      isSha256 ? { digest: result.digest, size: result.blobSize } : { verify: true },
    );
  } catch (error) {
    await layers.discard(unpacking);
    throw error;
  }
  await layers.commit(unpacking, result);
}

/** Before the blob is taken: a layer that is not the one its image's config names leaves nothing behind. */
async function checkContent(
  { layers, diffId }: LayerFetch,
  unpacking: Unpacking,
  found: ExtractResult,
): Promise<void> {
  if (found.diffId === diffId) return;
  await layers.discard(unpacking);
  const message = `layer has the wrong content: expected diffID ${diffId}, got ${found.diffId}`;
  throw new EngineError("invalid_argument", message, {
    hint: "the image is damaged at its registry; pull it from another one or have it pushed again",
  });
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

/** Appends the blob's body to the partial file from where it ends. */
async function copyBody(
  fetch: Download,
  ingest: Ingest,
  id: string,
  grown: (total: number) => void,
): Promise<void> {
  const { source, reference, descriptor, report, signal, ranges, onResume } = fetch;
  if (ingest.offset === descriptor.size) return;
  const progress = progressReporter(report, id, descriptor.size);
  // Not hashed here: the extraction does that as it reads.
  const body = await source.blob(reference, descriptor, {
    ...{ offset: ingest.offset, ranges, onResume, verify: false, signal },
    onRetry: (event) => report({ ...retryMessage(event), id }),
  });
  await append(body, ingest, (total) => {
    grown(total);
    progress(total);
  });
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

/** Failures that say nothing of the bytes before them. A registry may lose its trust in us in the midst of a blob. */
const innocent = ["unavailable", "unauthorized", "forbidden", "not_found"];

/** Bytes that a connection, a disk or the user cut short are good; bytes that were refused are not. */
function isWorthKeeping(error: unknown): boolean {
  return !(error instanceof EngineError) || innocent.includes(error.code);
}

/** Docker's words for a pause; whole seconds, as there. */
export function retryMessage({ delayMs }: RetryEvent): ProgressMessage {
  const seconds = Math.max(1, Math.round(delayMs / 1000));
  return { status: `Retrying in ${seconds} second${seconds === 1 ? "" : "s"}`, progressDetail: {} };
}

/** Docker's short form: 12 hex digits. */
export function shortDigest(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}
