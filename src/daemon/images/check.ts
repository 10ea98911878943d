import type { CheckMessage, CheckProblem } from "../../api/check.ts";
import { EngineError, messageOf } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { manifestCap, parseManifest } from "../../oci/manifest.ts";
import { familiarString, parseName } from "../../oci/reference.ts";
import type { ImageSource } from "../../oci/registry/types.ts";
import type { ImageStore } from "../store/image-store.ts";
import type { Collector } from "./collector.ts";
import type { StoredImage, StoredLayer } from "./image.ts";
import type { LayerStore } from "./layer-store.ts";
import { Repairer } from "./repair.ts";

export interface CheckParts {
  native: Pick<Native, "compareTrees">;
  content: ContentStore;
  layers: LayerStore;
  images: ImageStore;
  collector: Pick<Collector, "holdAll">;
  openSource(login: undefined): ImageSource;
  /** A container of the image runs. */
  isRunning(imageId: Digest): boolean;
}

export interface CheckOptions {
  /** Sizes and presence alone. */
  quick: boolean;
  repair: boolean;
}

type Report = (message: CheckMessage) => void;
type Damage = Pick<CheckProblem, "problem" | "detail">;

/**
 * Finds what the disk has lost or changed of images: documents by their digest; of a layer the blob, and the tree by
 * unpacking the blob once more beside it. Works beside everything else; nothing is collected meanwhile.
 */
export class CheckService {
  readonly #parts: CheckParts;
  readonly #repairer: Repairer;
  #isChecking = false;

  constructor(parts: CheckParts) {
    this.#parts = parts;
    this.#repairer = new Repairer(parts);
  }

  async check(options: CheckOptions, report: Report, signal: AbortSignal): Promise<void> {
    if (this.#isChecking) throw new EngineError("conflict", "a check is already running");
    this.#isChecking = true;
    using _held = await this.#parts.collector.holdAll();
    try {
      await this.#check(options, report, signal);
    } finally {
      this.#isChecking = false;
    }
  }

  async #check({ quick, repair }: CheckOptions, report: Report, signal: AbortSignal) {
    const images = this.#parts.images.images();
    const summary = { layers: 0, blobs: 0, unproved: 0, problems: 0, repaired: 0 };
    const tell = async (
      part: Pick<CheckProblem, "kind" | "digest">,
      damage: Damage,
      work: () => Promise<void>,
    ) => {
      const users = this.#users(images, part.digest);
      const error = repair ? await work().then(noError, messageOf) : undefined;
      const repaired = repair && error === undefined;
      summary.problems++;
      if (repaired) summary.repaired++;
      const why = error === undefined ? {} : { error };
      report({ problem: { ...part, ...damage, images: users, repaired, ...why } });
    };
    for (const digest of new Set(images.flatMap(({ documents }) => documents))) {
      signal.throwIfAborted();
      summary.blobs++;
      const damage = await this.#documentDamage(digest);
      if (damage)
        await tell({ kind: "blob", digest }, damage, () =>
          this.#repairer.document(digest, images, signal),
        );
    }
    for (const { layer, image } of distinctLayers(images)) {
      signal.throwIfAborted();
      report({ status: "Checking", id: layer.diffId });
      summary.layers++;
      summary.blobs++;
      const descriptor = await this.#describe(image, layer).catch(() => undefined);
      const blob = await this.#blobDamage(layer, descriptor, images);
      const mend = () => this.#repairer.layer(layer, descriptor, images, signal);
      if (blob) await tell({ kind: "blob", digest: layer.blob }, blob, mend);
      const found = quick ? undefined : await this.#unpack(layer, blob, signal);
      if (found?.blob) await tell({ kind: "blob", digest: layer.blob }, found.blob, mend);
      if (!quick && found === undefined && blob === undefined) summary.unproved++;
      const tree = (await this.#treeDamage(layer)) ?? found?.tree;
      if (tree) await tell({ kind: "layer", digest: layer.diffId }, tree, mend);
    }
    // What a repair has fetched is not kept either.
    this.#parts.images.dropBlobs();
    report({ summary });
  }

  #users(images: StoredImage[], digest: Digest): string[] {
    return images
      .filter(
        ({ documents, layers }) =>
          documents.includes(digest) ||
          layers.some(({ blob, diffId }) => blob === digest || diffId === digest),
      )
      .map(({ id }) => {
        const [tag] = this.#parts.images.tagsOf(id);
        return tag === undefined ? id.slice(7, 19) : familiarString(parseName(tag.reference));
      });
  }

  async #documentDamage(digest: Digest): Promise<Damage | undefined> {
    const { content } = this.#parts;
    if (!(await content.has(digest))) return { problem: "missing", detail: "the file is missing" };
    try {
      await content.read(digest, manifestCap * 4);
      return undefined;
    } catch (error) {
      return { problem: "changed", detail: messageOf(error) };
    }
  }

  async #describe({ manifest }: StoredImage, layer: StoredLayer): Promise<Descriptor | undefined> {
    const bytes = await this.#parts.content.read(manifest.digest, manifestCap);
    const parsed = parseManifest(bytes, manifest.mediaType);
    if (parsed.kind !== "manifest") return undefined;
    return parsed.layers.find(({ digest }) => digest === layer.blob);
  }

  async #blobDamage(
    { blob, diffId }: StoredLayer,
    descriptor: Descriptor | undefined,
    images: StoredImage[],
  ): Promise<Damage | undefined> {
    const size = await this.#parts.content.size(blob);
    if (size === undefined && (await this.#isDispensable(diffId, images))) return undefined;
    if (size === undefined) return { problem: "missing", detail: "the blob is missing" };
    if (descriptor === undefined || size === descriptor.size) return undefined;
    const detail = `the blob has ${size} bytes of ${descriptor.size}`;
    return { problem: size < descriptor.size ? "truncated" : "changed", detail };
  }

  /** Not kept, or never fetched since another image brought the same layer compressed in another way. */
  async #isDispensable(diffId: Digest, images: StoredImage[]): Promise<boolean> {
    if (!this.#parts.images.keepBlobs) return true;
    const same = images.flatMap(({ layers }) => layers).filter((each) => each.diffId === diffId);
    const found = await Promise.all(same.map(({ blob }) => this.#parts.content.has(blob)));
    return found.includes(true);
  }

  async #treeDamage({ diffId }: StoredLayer): Promise<Damage | undefined> {
    if (await this.#parts.layers.has(diffId)) return undefined;
    return { problem: "missing", detail: "the unpacked layer is missing" };
  }

  /** Unpacks the blob beside the tree that is there, and compares the two. */
  async #unpack(
    layer: StoredLayer,
    known: Damage | undefined,
    signal: AbortSignal,
  ): Promise<{ blob?: Damage; tree?: Damage } | undefined> {
    const { content, layers, native } = this.#parts;
    const size = await content.size(layer.blob);
    // There is nothing to compare with.
    if (size === undefined) return undefined;
    const unpacking = layers.unpack(content.path(layer.blob), signal);
    unpacking.extraction.grown(size);
    unpacking.extraction.finish();
    try {
      const found = await unpacking.done;
      const isRight = found.digest === layer.blob || layer.blob.startsWith("sha512:");
      if (found.diffId !== layer.diffId || !isRight)
        return known ? {} : { blob: { problem: "changed", detail: "the blob has another digest" } };
      if (!(await layers.has(layer.diffId))) return {};
      const detail = await native.compareTrees(layers.path(layer.diffId), unpacking.staging);
      return detail === null ? {} : { tree: { problem: "changed", detail } };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof EngineError && error.code === "unavailable") throw error;
      return known ? {} : { blob: { problem: "changed", detail: messageOf(error) } };
    } finally {
      await layers.discard(unpacking);
    }
  }
}

/** Each pair of tree and blob once, with an image that has it. */
function distinctLayers(images: StoredImage[]): { layer: StoredLayer; image: StoredImage }[] {
  const found = new Map<string, { layer: StoredLayer; image: StoredImage }>();
  for (const image of images)
    for (const layer of image.layers)
      if (isDigest(layer.diffId)) found.set(`${layer.diffId} ${layer.blob}`, { layer, image });
  return [...found.values()];
}

const noError = (): undefined => undefined;
