import { EngineError } from "../../errors.ts";
import { configCap } from "../../oci/config.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { manifestCap, parseManifest } from "../../oci/manifest.ts";
import { parseName, type Reference } from "../../oci/reference.ts";
import type { ImageSource } from "../../oci/registry/types.ts";
import type { ImageStore } from "../store/image-store.ts";
import { fetchLayer } from "./fetch-layer.ts";
import type { StoredImage, StoredLayer } from "./image.ts";
import type { LayerStore } from "./layer-store.ts";

export interface RepairParts {
  content: ContentStore;
  layers: LayerStore;
  images: ImageStore;
  openSource(login: undefined): ImageSource;
  /** A container of the image runs. */
  isRunning(imageId: Digest): boolean;
}

/** Makes whole what a check has found damaged: from what is intact here, else from the image's registry. */
export class Repairer {
  readonly #parts: RepairParts;

  constructor(parts: RepairParts) {
    this.#parts = parts;
  }

  /** A config, manifest or index. */
  async document(digest: Digest, images: StoredImage[], signal: AbortSignal): Promise<void> {
    const { content } = this.#parts;
    const owners = images.filter(({ documents }) => documents.includes(digest));
    const reference = this.#reference(owners);
    const source = this.#parts.openSource(undefined);
    const config = owners.find(({ id }) => id === digest);
    const bytes = await (config === undefined
      ? this.#manifest(source, reference, digest, signal)
      : this.#config(source, reference, config, signal));
    // A file of the right size would be taken for the right one.
    await content.remove(digest);
    await content.write(bytes, digest);
  }

  async #manifest(source: ImageSource, reference: Reference, digest: Digest, signal: AbortSignal) {
    const { tag: _tag, ...repository } = reference;
    return (await source.resolve({ ...repository, digest }, { signal })).bytes;
  }

  async #config(
    source: ImageSource,
    reference: Reference,
    image: StoredImage,
    signal: AbortSignal,
  ) {
    const { manifest } = image;
    const known = await this.#parts.content
      .read(manifest.digest, manifestCap)
      .catch(() => undefined);
    const bytes = known ?? (await this.#manifest(source, reference, manifest.digest, signal));
    const parsed = parseManifest(bytes, manifest.mediaType);
    if (parsed.kind !== "manifest")
      throw new EngineError("internal", `the manifest of image ${image.id} is an index`);
    return await source.blobBytes(reference, parsed.config, configCap, { signal });
  }

  /** Blob and tree of a layer: the tree from the blob, a blob that is not right from the registry. */
  async layer(
    { blob, diffId }: StoredLayer,
    descriptor: Descriptor | undefined,
    images: StoredImage[],
    signal: AbortSignal,
  ): Promise<void> {
    const { content, layers } = this.#parts;
    if (descriptor === undefined)
      throw new EngineError("conflict", "the image's manifest is damaged: repair that first");
    if ((await content.size(blob)) !== descriptor.size || !(await this.#isRight(blob)))
      await content.remove(blob);
    const isHere = await content.has(blob);
    const owners = images.filter((image) => image.layers.some((layer) => layer.blob === blob));
    const reference = isHere ? parseName("localhost/none") : this.#reference(owners);
    const source = this.#parts.openSource(undefined);
    // The one that is there would win over the one that comes.
    if (isHere && (await layers.has(diffId))) {
      const users = images.filter((image) => image.layers.some((each) => each.diffId === diffId));
      if (users.some(({ id }) => this.#parts.isRunning(id)))
        throw new EngineError("conflict", "a container that runs has it mounted: stop that first");
      await layers.remove(diffId);
    }
    const report = (): void => undefined;
    await fetchLayer({ source, reference, descriptor, diffId, content, layers, report, signal });
  }

  async #isRight(digest: Digest): Promise<boolean> {
    const [algorithm] = digest.split(":");
    const hasher = new Bun.CryptoHasher(algorithm === "sha512" ? "sha512" : "sha256");
    for await (const chunk of Bun.file(this.#parts.content.path(digest)).stream())
      hasher.update(chunk);
    return `${algorithm}:${hasher.digest("hex")}` === digest;
  }

  /** A name by which a registry has it. */
  #reference(owners: StoredImage[]): Reference {
    const [tag] = owners.flatMap(({ id }) => this.#parts.images.tagsOf(id));
    if (tag !== undefined) return parseName(tag.reference);
    throw new EngineError("not_found", "no name of the image is left by which to pull it again");
  }
}
