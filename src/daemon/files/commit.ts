import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import type { ContainerConfig } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import type { LayersRequest, PackedLayer } from "../../native-types/layers.ts";
import type { Native } from "../../native-types/native.ts";
import { configCap, parseConfig } from "../../oci/config.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { manifestCap, parseManifest } from "../../oci/manifest.ts";
import { dockerManifest, ociConfig, ociLayerGzip, ociManifest } from "../../oci/media-types.ts";
import { canonicalString, familiarString, type Reference } from "../../oci/reference.ts";
import { commandOf, nowRfc3339 } from "../containers/container.ts";
import { eventAttributes } from "../containers/events.ts";
import { mergeConfig } from "../containers/merge.ts";
import { checkSettings } from "../containers/settings.ts";
import { parseSignal } from "../containers/signals.ts";
import type { Entry } from "../containers/table.ts";
import type { EventBus } from "../events/bus.ts";
import { buildImage, type StoredImage } from "../images/image.ts";
import type { LayerStore } from "../images/layer-store.ts";
import type { ImageStore } from "../store/image-store.ts";
import { applyChanges, toImageConfig } from "./commit-config.ts";

export interface CommitParts {
  native: Pick<Native, "packChanges">;
  content: ContentStore;
  images: ImageStore;
  layers: LayerStore;
  events: EventBus;
  writeIndex(): Promise<void>;
  /** Keeps all of the store from being removed. */
  holdAll(): Promise<Disposable>;
  layersOf(entry: Entry): Promise<LayersRequest>;
  /** Stops the container's processes while `work` is done; nothing where none run. */
  whilePaused<T>(entry: Entry, work: () => Promise<T>): Promise<T>;
}

export interface CommitRequest {
  /** None leaves the image without a name. */
  reference: Reference | undefined;
  comment: string;
  author: string;
  pause: boolean;
  /** Dockerfile instructions. */
  changes: string[];
  /** Settings that win over the container's. */
  config: ContainerConfig;
}

const dockerConfigType = "application/vnd.docker.container.image.v1+json";
const dockerLayerType = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/** Makes images of containers: the image they are of, and one more layer. */
export class CommitService {
  readonly #parts: CommitParts;

  constructor(parts: CommitParts) {
    this.#parts = parts;
  }

  async commit(entry: Entry, request: CommitRequest, signal: AbortSignal): Promise<Digest> {
    const { container } = entry;
    const parent = this.#parts.images.image(container.imageId);
    if (parent === undefined)
      throw new EngineError("conflict", `the image of container ${container.id} is gone`);
    using _held = await this.#parts.holdAll();
    const draft = await this.#draft(entry, parent, request);
    // Refused before anything is written: with some layer, since it is the rest that matters.
    parseConfig(draft(parent.id));
    const layers = await this.#parts.layersOf(entry);
    const packed = await (request.pause
      ? this.#parts.whilePaused(entry, () => this.#pack(layers))
      : this.#pack(layers));
    await this.#unpack(packed, signal);
    const image = await this.#describe(parent, packed, draft(packed.diffId));
    await this.#save(image, request.reference);
    const imageRef = request.reference === undefined ? "" : familiarString(request.reference);
    const { comment } = request;
    this.#parts.events.publish("container", "commit", container.id, {
      ...eventAttributes(container),
      ...{ comment, imageID: image.id, imageRef },
    });
    return image.id;
  }

  /** Writes the layer and takes it into the content store. */
  async #pack(layers: LayersRequest): Promise<PackedLayer> {
    const { native, content } = this.#parts;
    const path = content.temporary(`commit-${randomBytes(8).toString("hex")}`);
    try {
      const packed = await native.packChanges(layers, path);
      await content.adopt(path, packed.digest);
      return packed;
    } finally {
      await rm(path, { force: true });
    }
  }

  /** By the same way as a layer that was pulled, which proves that it can be. */
  async #unpack(packed: PackedLayer, signal: AbortSignal): Promise<void> {
    const { content, layers } = this.#parts;
    if (await layers.has(packed.diffId)) return;
    const unpacking = layers.unpack(content.path(packed.digest), signal);
    unpacking.extraction.grown(packed.size);
    unpacking.extraction.finish();
    const found = await unpacking.done;
    if (found.diffId !== packed.diffId) {
      await layers.discard(unpacking);
      throw new EngineError("internal", `the layer of the commit is not what was written`);
    }
    await layers.commit(unpacking, found);
  }

  /** The new image's configuration, but for the layer that is yet to be packed. */
  async #draft(
    { container }: Entry,
    parent: StoredImage,
    { author, comment, config, changes }: CommitRequest,
  ): Promise<(diffId: Digest) => Uint8Array> {
    const own = mergeConfig({ ...config, Image: container.image }, container.config);
    const changed = applyChanges(own, changes);
    checkSettings(changed, {});
    if (changed.StopSignal) parseSignal(changed.StopSignal);
    const created = nowRfc3339();
    const read = await this.#parts.content.read(parent.id, configCap);
    const before = JSON.parse(Buffer.from(read).toString());
    const step = {
      ...{ created, created_by: commandOf(container.config).join(" ") },
      ...(author === "" ? {} : { author }),
      ...(comment === "" ? {} : { comment }),
    };
    return (diffId) =>
      encode({
        ...before,
        ...{ created, author, config: toImageConfig(changed) },
        rootfs: { type: "layers", diff_ids: [...before.rootfs.diff_ids, diffId] },
        history: [...(before.history ?? []), step],
      });
  }

  async #describe(parent: StoredImage, packed: PackedLayer, raw: Uint8Array): Promise<StoredImage> {
    const { content, layers: layerStore } = this.#parts;
    const parsed = parseConfig(raw);
    const id = await content.write(raw);
    const { descriptor, digest } = await this.#writeManifest(parent, packed, {
      ...{ mediaType: "", digest: id, size: raw.byteLength },
    });
    return buildImage({
      ...{ id, manifest: descriptor, config: parsed },
      layers: [...parent.layers, { blob: packed.digest, diffId: packed.diffId }],
      documents: [digest, id],
      size: layerStore.sizeOf(parsed.diffIds),
    });
  }

  /** In the parent's dialect, so that no registry meets a mixture. */
  async #writeManifest(
    parent: StoredImage,
    packed: PackedLayer,
    config: Descriptor,
  ): Promise<{ descriptor: Descriptor; digest: Digest }> {
    const { content } = this.#parts;
    const { digest: parentDigest, mediaType: parentType } = parent.manifest;
    const before = parseManifest(await content.read(parentDigest, manifestCap), parentType);
    if (before.kind !== "manifest")
      throw new EngineError("internal", `the manifest of image ${parent.id} is an index`);
    const isDocker = before.mediaType === dockerManifest;
    const mediaType = isDocker ? dockerManifest : ociManifest;
    const layer = { mediaType: isDocker ? dockerLayerType : ociLayerGzip };
    const raw = encode({
      ...{ schemaVersion: 2, mediaType },
      config: { ...config, mediaType: isDocker ? dockerConfigType : ociConfig },
      layers: [...before.layers, { ...layer, digest: packed.digest, size: packed.size }],
    });
    const digest = await content.write(raw, digestOf(raw));
    return { descriptor: { mediaType, digest, size: raw.byteLength }, digest };
  }

  async #save(image: StoredImage, reference: Reference | undefined): Promise<void> {
    const { images, events, writeIndex } = this.#parts;
    const names = reference === undefined ? [] : [canonicalString(reference)];
    images.save(
      image,
      names.map((name) => ({ reference: name, digest: image.manifest.digest })),
    );
    await writeIndex();
    if (reference === undefined) return;
    events.publish("image", "tag", image.id, { name: familiarString(reference) });
  }
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
