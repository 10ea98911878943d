import type { ProgressMessage } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { checkLayers, configCap, type ImageConfig, parseConfig } from "../../oci/config.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import type { ImageManifest } from "../../oci/manifest.ts";
import { formatPlatform, hostPlatform, matchPlatform, type Platform } from "../../oci/platform.ts";
import { canonicalString, familiarString, type Reference } from "../../oci/reference.ts";
import type { Credentials, ImageSource, Login, RetryEvent } from "../../oci/registry/types.ts";
import { type SelectedImage, selectImage } from "../../oci/select.ts";
import type { EventBus } from "../events/bus.ts";
import type { ImageStore } from "../store/image-store.ts";
import type { Collector } from "./collector.ts";
import { ConfigReads } from "./config-reads.ts";
import { fetchLayer, type Report, retryMessage, shortDigest } from "./fetch-layer.ts";
import { blobsOf, buildImage, joinImages } from "./image.ts";
import type { LayerStore } from "./layer-store.ts";
import { Limiter } from "./limiter.ts";
import { blobPart, layerPart, partsOf } from "./parts.ts";
import { SharedTasks } from "./shared-task.ts";

/** Docker's default of max-concurrent-downloads. */
const concurrentDownloads = 3;

export interface PullRequest {
  reference: Reference;
  /** undefined: the host's, where there is a choice. */
  platform: Platform | undefined;
  credentials: Credentials | undefined;
  report: Report;
  signal: AbortSignal;
}

export interface PullParts {
  content: ContentStore;
  images: ImageStore;
  layers: LayerStore;
  events: EventBus;
  collector: Collector;
  /** A registry client that shows these credentials to their registry, and to no mirror of it. */
  openSource(login: Login | undefined): ImageSource;
}

/** Pulls images. What several pulls want at once is fetched once, for all of them. */
export class PullService {
  readonly #parts: PullParts;
  readonly #limiter = new Limiter(concurrentDownloads);
  /** By diffID. */
  readonly #fetches = new SharedTasks<ProgressMessage, void>();
  readonly #configs = new ConfigReads();

  constructor(parts: PullParts) {
    this.#parts = parts;
  }

  async pull(request: PullRequest): Promise<void> {
    const { reference, report, signal } = request;
    const source = this.#parts.openSource(loginOf(request));
    const id = reference.tag ?? reference.digest ?? "";
    const onRetry = (event: RetryEvent): void => report({ ...retryMessage(event), id });
    const resolved = await selectImage(source, reference, request.platform ?? hostPlatform(), {
      signal,
      onRetry,
    });
    report({
      status: `Pulling from ${reference.path}`,
      id,
    });
    const { config: configDescriptor } = resolved.manifest;
    using read = await this.#configs.take(configDescriptor.digest, request, (signal) =>
      source.blobBytes(reference, configDescriptor, configCap, { signal, onRetry }),
    );
    const config = parseConfig(read.raw);
    checkLayers(resolved.manifest, config);
    checkPlatform(config, request.platform);
    const known = this.#parts.images.image(configDescriptor.digest);
    using _held = await this.#parts.collector.hold([
      ...config.diffIds.map(layerPart),
      ...resolved.manifest.layers.map(({ digest }) => blobPart(digest)),
      ...resolved.documents.map(({ descriptor }) => blobPart(descriptor.digest)),
      blobPart(configDescriptor.digest),
      ...(known === undefined ? [] : partsOf(known)),
    ]);
    // Of an image that is here already nothing is told of its layers, as in Docker.
    const isKnown = known !== undefined;
    const layerRequest = isKnown ? { ...request, report: ignoreProgress } : request;
    await this.#fetchLayers(source, layerRequest, resolved.manifest, config);
    const isNew = await this.#save(reference, resolved, config);
    report({ status: `Digest: ${resolved.top.descriptor.digest}` });
    report({
      status: isNew
        ? `Status: Downloaded newer image for ${familiarString(reference)}`
        : `Status: Image is up to date for ${familiarString(reference)}`,
    });
  }

  async #fetchLayers(
    source: ImageSource,
    request: PullRequest,
    manifest: ImageManifest,
    config: ImageConfig,
  ): Promise<void> {
    // One failed layer stops the others.
    const stop = new AbortController();
    const signal = AbortSignal.any([request.signal, stop.signal]);
    const tasks = manifest.layers.map((descriptor, index) => {
      const diffId = config.diffIds[index] ?? "";
      return this.#layer({ source, request, descriptor, diffId, signal }).catch(
        (error: unknown) => {
          stop.abort();
          throw error;
        },
      );
    });
    const outcomes = await Promise.allSettled(tasks);
    request.signal.throwIfAborted();
    const failures = outcomes
      .filter((outcome) => outcome.status === "rejected")
      .map((outcome): unknown => outcome.reason);
    if (failures.length > 0) throw failures.find((reason) => !isAbort(reason)) ?? failures[0];
  }

  async #layer(task: {
    source: ImageSource;
    request: PullRequest;
    descriptor: Descriptor;
    diffId: Digest;
    signal: AbortSignal;
  }): Promise<void> {
    const { source, descriptor, diffId, signal, request } = task;
    const { reference, report } = request;
    const { layers, content } = this.#parts;
    const id = shortDigest(descriptor.digest);
    const share = { asker: askerOf(request), watch: report, signal };
    if (await layers.has(diffId)) {
      report({ status: "Already exists", progressDetail: {}, id });
      return;
    }
    await this.#fetches.run(diffId, share, async (report, signal) => {
      if (await layers.has(diffId)) {
        report({ status: "Already exists", progressDetail: {}, id });
        return;
      }
      report({ status: "Pulling fs layer", progressDetail: {}, id });
      const fetch = { source, reference, descriptor, diffId, content, layers, report, signal };
      await this.#limiter.run(() => fetchLayer(fetch), signal);
    });
  }

  /** Writes the documents, then the record and its names in one transaction. False if nothing changed. */
  async #save(
    reference: Reference,
    resolved: SelectedImage,
    config: ImageConfig,
  ): Promise<boolean> {
    const { content, images, events } = this.#parts;
    const id = await content.write(config.raw, resolved.manifest.config.digest);
    for (const { descriptor, bytes } of resolved.documents)
      await content.write(bytes, descriptor.digest);
    const name = canonicalString(reference);
    const before = images.tag(name);
    const image = buildImage({
      id,
      manifest: resolved.descriptor,
      config,
      layers: resolved.manifest.layers.map(({ digest }, index) => ({
        blob: digest,
        diffId: config.diffIds[index] ?? "",
      })),
      documents: [...resolved.documents.map(({ descriptor }) => descriptor.digest), id],
      size: this.#parts.layers.sizeOf(config.diffIds),
    });
    const known = images.image(id);
    const keep = known !== undefined && (await content.hasAll(blobsOf(known)));
    images.save(joinImages(known, image, keep), [
      { reference: name, digest: resolved.top.descriptor.digest },
    ]);
    await this.writeIndex();
    const short = familiarString(reference);
    events.publish("image", "pull", short, { ...config.config.labels, name: short });
    return before?.image !== id || before.digest !== resolved.top.descriptor.digest;
  }

  /** Lists every tagged manifest in the content store's index.json, for other tools to read. */
  async writeIndex(): Promise<void> {
    const { content, images } = this.#parts;
    const known = new Map(images.images().map((image) => [image.id, image]));
    const entries = images.tags().flatMap(({ reference, image }) => {
      const descriptor = known.get(image)?.manifest;
      return descriptor === undefined ? [] : [{ descriptor, name: reference }];
    });
    await content.setIndex(entries);
  }
}

/** An image without an index has one platform only, which has to be the one asked for, or the host's. */
function checkPlatform(config: ImageConfig, asked: Platform | undefined): void {
  const want = asked ?? hostPlatform();
  if (config.platform.os === "linux" && matchPlatform(config.platform, want) !== undefined) return;
  const have = formatPlatform(config.platform);
  throw new EngineError(
    "not_found",
    `the image's platform (${have}) does not match the ${asked ? "requested" : "host's"} platform (${formatPlatform(want)})`,
    {
      hint:
        config.platform.os === "linux"
          ? `pull it with --platform ${have} if this host can run it`
          : "this engine runs Linux images only",
    },
  );
}

/** Who asks whom: another repository or another account may do better. */
function askerOf({ reference: { domain, path }, credentials }: PullRequest): string {
  return JSON.stringify([domain, path, credentials]);
}

function ignoreProgress(): void {}

function isAbort(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "AbortError";
}

function loginOf({ reference, credentials }: PullRequest): Login | undefined {
  return credentials && { domain: reference.domain, credentials };
}
