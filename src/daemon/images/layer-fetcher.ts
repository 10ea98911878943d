import type { ProgressMessage } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import type { Reference } from "../../oci/reference.ts";
import type { ImageSource } from "../../oci/registry/types.ts";
import { fetchLayer, type LayerFetch, type Report, shortDigest } from "./fetch-layer.ts";
import type { LayerStore } from "./layer-store.ts";
import { Limiter } from "./limiter.ts";
import { SharedTasks } from "./shared-task.ts";

export interface LayersRequest {
  source: ImageSource;
  reference: Reference;
  /** Whoever asks with the same words would be told the same failure. */
  asker: string;
  layers: readonly { descriptor: Descriptor; diffId: Digest }[];
  report: Report;
  signal: AbortSignal;
}

type LayerRequest = Omit<LayersRequest, "layers"> & { descriptor: Descriptor; diffId: Digest };

/**
 * Brings layers into the store, so many at once as the daemon is told, whatever the number of pulls. A layer that
 * several pulls want is fetched once, and shown to each of them.
 */
export class LayerFetcher {
  readonly #content: ContentStore;
  readonly #layers: LayerStore;
  readonly #limiter: Limiter;
  /** By diffID. */
  readonly #fetches = new SharedTasks<ProgressMessage, void>();
  /** Blobs that are being fetched: when the last in the row has ended. */
  readonly #blobs = new Map<Digest, Promise<void>>();

  constructor(content: ContentStore, layers: LayerStore, width: number) {
    this.#content = content;
    this.#layers = layers;
    this.#limiter = new Limiter(width);
  }

  /** All layers of an image. What is there is told first, in the image's order, as clients draw it. */
  async fetch({ layers, ...request }: LayersRequest): Promise<void> {
    const missing: (typeof layers)[number][] = [];
    for (const layer of layers) {
      const isHere = await this.#layers.has(layer.diffId);
      const status = isHere ? "Already exists" : "Pulling fs layer";
      request.report({ status, progressDetail: {}, id: shortDigest(layer.descriptor.digest) });
      if (!isHere) missing.push(layer);
    }
    // One failed layer stops the others.
    const stop = new AbortController();
    const signal = AbortSignal.any([request.signal, stop.signal]);
    const tasks = missing.map(async (layer) => {
      try {
        await this.#layer({ ...request, ...layer, signal });
      } catch (error) {
        stop.abort();
        throw error;
      }
    });
    const outcomes = await Promise.allSettled(tasks);
    request.signal.throwIfAborted();
    const failures = outcomes
      .filter((outcome) => outcome.status === "rejected")
      .map((outcome): unknown => outcome.reason);
    if (failures.length > 0) throw failures.find((reason) => !isAbort(reason)) ?? failures[0];
  }

  async #layer(request: LayerRequest): Promise<void> {
    const { source, reference, descriptor, diffId, report, signal, asker } = request;
    const id = shortDigest(descriptor.digest);
    // The same layer may have another digest, so another name, in each of its images.
    const watch = (message: ProgressMessage): void => report({ ...message, id });
    await this.#fetches.run(diffId, { asker, watch, signal }, async (report, signal) => {
      if (await this.#layers.has(diffId)) {
        report({ status: "Already exists", progressDetail: {}, id });
        return;
      }
      const store = { content: this.#content, layers: this.#layers };
      const fetch = { source, reference, descriptor, diffId, ...store, report, signal };
      const onWait = (): void => report({ status: "Waiting", progressDetail: {}, id });
      const inTurn = () => this.#inTurn(descriptor.digest, () => fetchTruly(fetch));
      await this.#limiter.run(inTurn, signal, onWait);
    });
  }

  /** Images that disagree on what is in a blob want it under several diffIDs: it is fetched for one at a time. */
  async #inTurn(digest: Digest, work: () => Promise<void>): Promise<void> {
    const before = this.#blobs.get(digest);
    const turn = Promise.resolve(before).then(work);
    const ended = turn.catch(() => undefined);
    this.#blobs.set(digest, ended);
    try {
      await turn;
    } finally {
      if (this.#blobs.get(digest) === ended) this.#blobs.delete(digest);
    }
  }
}

/**
 * What a mirror gives may be wrong, or end in the middle for good: then the registry itself is asked, for what is
 * missing, and if that does not help the first failure is told.
 */
async function fetchTruly(fetch: LayerFetch): Promise<void> {
  try {
    await fetchLayer(fetch);
  } catch (error) {
    const mayHelp =
      error instanceof EngineError && ["invalid_argument", "unavailable"].includes(error.code);
    const source = mayHelp ? fetch.source.withoutMirrors(fetch.reference) : undefined;
    if (source === undefined) throw error;
    await fetchLayer({ ...fetch, source }).catch(() => {
      fetch.signal.throwIfAborted();
      throw error;
    });
  }
}

function isAbort(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "AbortError";
}
