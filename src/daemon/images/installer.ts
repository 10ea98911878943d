import { EngineError } from "../../errors.ts";
import type { ExtractResult } from "../../native-types/layers.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { canonicalString } from "../../oci/reference.ts";
import type { ImageStore } from "../store/image-store.ts";
import type { ArchivedImage } from "./archived-image.ts";
import { type Report, shortDigest } from "./fetch-layer.ts";
import { blobsOf, buildImage, joinImages, type StoredImage } from "./image.ts";
import type { LayerStore, Unpacking } from "./layer-store.ts";
import { Limiter } from "./limiter.ts";
import type { Spool, SpooledFile } from "./spool.ts";

/** Layers that are unpacked at once; each has threads of its own. */
const concurrentLayers = 2;

export interface InstallerParts {
  content: ContentStore;
  images: ImageStore;
  layers: LayerStore;
  /** Keeps all of the store from being removed until it is disposed of. */
  holdAll(): Promise<Disposable>;
  writeIndex(): Promise<void>;
}

interface Unpacked {
  unpacking: Unpacking;
  result: ExtractResult;
  /** The store has this layer: it was unpacked to see that it is the same. */
  isKnown: boolean;
}

/** Makes images of files: layers are unpacked by the way of pulls, and nothing is visible before all of them are right. */
export class Installer {
  readonly #parts: InstallerParts;
  readonly #limiter = new Limiter(concurrentLayers);

  constructor(parts: InstallerParts) {
    this.#parts = parts;
  }

  /** Throws invalid_argument for layers that are not those of the config; then nothing is left of the image. */
  async install(
    spool: Spool,
    image: ArchivedImage,
    report: Report,
    signal: AbortSignal,
  ): Promise<StoredImage> {
    const { images } = this.#parts;
    using _held = await this.#parts.holdAll();
    const id = digestOf(image.config.raw);
    const known = images.image(id);
    const isWhole = known !== undefined && (await this.#isWhole(known));
    if (!isWhole) {
      await this.#takeLayers(image, report, signal);
      await this.#takeBlobs(spool, image);
    }
    return await this.#save(id, image, isWhole);
  }

  /** An image of one layer, whose diffID is known when it has been unpacked. */
  async create(
    spool: Spool,
    file: SpooledFile,
    describe: (diffId: Digest) => ArchivedImage,
    signal: AbortSignal,
  ): Promise<StoredImage> {
    const { layers } = this.#parts;
    const unpacking = this.#begin(file, signal);
    const result = await unpacking.done;
    using _held = await this.#parts.holdAll();
    await layers.commit(unpacking, result);
    const image = describe(result.diffId);
    await this.#takeBlobs(spool, image);
    return await this.#save(digestOf(image.config.raw), image, false);
  }

  async #save(id: Digest, image: ArchivedImage, keep: boolean): Promise<StoredImage> {
    const { images } = this.#parts;
    await this.#takeDocuments(image);
    const joined = joinImages(images.image(id), this.#describe(id, image), keep);
    const tags = image.names.map((name) => ({
      ...{ reference: canonicalString(name), digest: image.top },
    }));
    images.save(joined, tags);
    await this.#parts.writeIndex();
    return joined;
  }

  #begin(file: SpooledFile, signal: AbortSignal): Unpacking {
    const unpacking = this.#parts.layers.unpack(file.path, signal);
    unpacking.extraction.grown(file.size);
    unpacking.extraction.finish();
    return unpacking;
  }

  /** An image that is here whole keeps the manifest that it has, and gets names. */
  async #isWhole(image: StoredImage): Promise<boolean> {
    const { content, layers } = this.#parts;
    const unpacked = await Promise.all(image.layers.map(({ diffId }) => layers.has(diffId)));
    return unpacked.every(Boolean) && (await content.hasAll(blobsOf(image)));
  }

  async #takeLayers(image: ArchivedImage, report: Report, signal: AbortSignal): Promise<void> {
    const { layers } = this.#parts;
    // One wrong layer stops the others.
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const wanted = new Map(image.layers.map((layer) => [layer.diffId + layer.file.digest, layer]));
    const tasks = [...wanted.values()].map(({ file, diffId }) =>
      this.#limiter
        .run(() => this.#unpack(file, diffId, report, either))
        .catch((error: unknown) => {
          stop.abort(error);
          throw error;
        }),
    );
    const outcomes = await Promise.allSettled(tasks);
    const done = outcomes.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
    const keep = outcomes.every(({ status }) => status === "fulfilled");
    for (const { unpacking, result, isKnown } of done) {
      if (keep && !isKnown) await layers.commit(unpacking, result);
      else await layers.discard(unpacking);
    }
    signal.throwIfAborted();
    if (stop.signal.aborted) throw stop.signal.reason;
  }

  async #unpack(
    file: SpooledFile,
    diffId: Digest,
    report: Report,
    signal: AbortSignal,
  ): Promise<Unpacked[]> {
    signal.throwIfAborted();
    const { layers, images } = this.#parts;
    const isKnown = await layers.has(diffId);
    const isSame = () =>
      images
        .images()
        .some((image) =>
          image.layers.some((layer) => layer.blob === file.digest && layer.diffId === diffId),
        );
    if (isKnown && (file.digest === diffId || isSame())) return [];
    const [id, total] = [shortDigest(diffId), file.size];
    report({ status: "Loading layer", progressDetail: { current: 0, total }, id });
    const unpacking = this.#begin(file, signal);
    const result = await unpacking.done;
    if (result.diffId !== diffId) {
      await layers.discard(unpacking);
      const text = `invalid archive: a layer has the wrong content: expected diffID ${diffId}, got ${result.diffId}`;
      throw new EngineError("invalid_argument", text);
    }
    report({ status: "Loading layer", progressDetail: { current: total, total }, id });
    return [{ unpacking, result, isKnown }];
  }

  async #takeBlobs(spool: Spool, { layers }: ArchivedImage): Promise<void> {
    const { content } = this.#parts;
    for (const { file } of layers) {
      await spool.adopt(file);
      if (await content.has(file.digest)) continue;
      const text = `blob ${file.digest} was removed while the image was taken in`;
      throw new EngineError("conflict", text, { hint: "try again" });
    }
  }

  async #takeDocuments({ documents }: ArchivedImage): Promise<void> {
    for (const { bytes, descriptor } of documents)
      await this.#parts.content.write(bytes, descriptor.digest);
  }

  #describe(id: Digest, { config, manifest, layers, documents }: ArchivedImage): StoredImage {
    return buildImage({
      ...{ id, manifest, config },
      layers: layers.map(({ file, diffId }) => ({ blob: file.digest, diffId })),
      documents: documents.map(({ descriptor }) => descriptor.digest),
      size: this.#parts.layers.sizeOf(config.diffIds),
    });
  }
}
