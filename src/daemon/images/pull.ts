import type { ProgressMessage } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { checkLayers, configCap, type ImageConfig, parseConfig } from "../../oci/config.ts";
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
import { type Report, retryMessage, shortDigest } from "./fetch-layer.ts";
import { blobsOf, buildImage, joinImages } from "./image.ts";
import { LayerFetcher } from "./layer-fetcher.ts";
import type { LayerStore } from "./layer-store.ts";
import { blobPart, layerPart, partsOf } from "./parts.ts";
import type { OpenSource } from "./sources.ts";

export interface PullRequest {
  /** Without tag and digest: every tag. */
  reference: Reference;
  /** undefined: the host's, where there is a choice. */
  platform: Platform | undefined;
  credentials: Credentials | undefined;
  report: Report;
  signal: AbortSignal;
  /** The client wants to know the sizes of all layers first. */
  tellsSizes: boolean;
}

export interface PullParts {
  content: ContentStore;
  images: ImageStore;
  layers: LayerStore;
  events: EventBus;
  collector: Collector;
  openSource: OpenSource;
}

/** Pulls images. What several pulls want at once is fetched once, for all of them. */
export class PullService {
  readonly #parts: PullParts;
  readonly #fetcher: LayerFetcher;
  readonly #configs = new ConfigReads();

  constructor(parts: PullParts, concurrentDownloads: number) {
    this.#parts = parts;
    this.#fetcher = new LayerFetcher(parts.content, parts.layers, concurrentDownloads);
  }

  /** Pulls what the reference names: one image, or without tag and digest every tag of the repository. */
  async pull(request: PullRequest): Promise<void> {
    const { reference, report, signal } = request;
    const source = this.#parts.openSource(loginOf(request));
    const isWhole = reference.tag === undefined && reference.digest === undefined;
    const references = isWhole
      ? (await source.tags(reference, { signal })).map((tag) => ({ ...reference, tag }))
      : [reference];
    let isNew = false;
    for (const each of references)
      isNew = (await this.#pullOne(source, { ...request, reference: each })) || isNew;
    report({
      status: isNew
        ? `Status: Downloaded newer image for ${familiarString(reference)}`
        : `Status: Image is up to date for ${familiarString(reference)}`,
    });
  }

  /** False if nothing has changed. */
  async #pullOne(source: ImageSource, request: PullRequest): Promise<boolean> {
    const { reference, report, signal } = request;
    const id = reference.digest === undefined ? (reference.tag ?? "") : canonicalString(reference);
    const onRetry = (event: RetryEvent): void => report({ ...retryMessage(event), id });
    const resolved = await selectImage(source, reference, request.platform ?? hostPlatform(), {
      signal,
      onRetry,
    });
    report({ status: `Pulling from ${reference.path}`, id });
    const { config: configDescriptor } = resolved.manifest;
    using read = await this.#configs.take(configDescriptor.digest, request, (signal) =>
      source.blobBytes(reference, configDescriptor, configCap, { signal, onRetry }),
    );
    const config = parseConfig(read.raw);
    checkLayers(resolved.manifest, config);
    checkPlatform(config, request);
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
    if (request.tellsSizes && !isKnown) report(toSizes(resolved.manifest));
    await this.#fetcher.fetch({
      ...{ source, reference, signal, report: isKnown ? ignoreProgress : report },
      asker: askerOf(request),
      layers: resolved.manifest.layers.map((descriptor, index) => ({
        descriptor,
        diffId: config.diffIds[index] ?? "",
      })),
    });
    const isNew = await this.#save(reference, resolved, config);
    report({ status: `Digest: ${resolved.top.descriptor.digest}` });
    return isNew;
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
function checkPlatform(
  config: ImageConfig,
  { platform, reference }: Pick<PullRequest, "platform" | "reference">,
): void {
  const want = platform ?? hostPlatform();
  if (config.platform.os === "linux" && matchPlatform(config.platform, want) !== undefined) return;
  const [have, wanted] = [formatPlatform(config.platform), formatPlatform(want)];
  const words =
    platform === undefined
      ? `the image's platform (${have}) does not match the host's platform (${wanted})`
      : `image with reference ${familiarString(reference)} was found but its platform (${have}) does not match the specified platform (${wanted})`;
  const hint =
    config.platform.os === "linux"
      ? `pull it with --platform ${have} if this host can run it`
      : "this engine runs Linux images only";
  throw new EngineError("not_found", words, { hint });
}

function toSizes({ layers }: ImageManifest): ProgressMessage {
  const sizes = layers.map(({ digest, size }) => [shortDigest(digest), size] as const);
  return { rtLayerSizes: Object.fromEntries(sizes) };
}

function ignoreProgress(): void {}

/** Who asks whom: another repository or another account may do better. */
function askerOf({ reference: { domain, path }, credentials }: PullRequest): string {
  return JSON.stringify([domain, path, credentials]);
}

function loginOf({ reference, credentials }: PullRequest): Login | undefined {
  return credentials && { domain: reference.domain, credentials };
}
