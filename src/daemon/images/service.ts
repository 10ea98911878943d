import type {
  HistoryItem,
  ImageDeleteResponseItem,
  ImageManifestSummary,
} from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { configCap, parseConfig } from "../../oci/config.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import {
  canonicalName,
  canonicalString,
  familiarString,
  parseName,
  parseReference,
  type Reference,
} from "../../oci/reference.ts";
import type { EventBus } from "../events/bus.ts";
import type { ImageStore, Tag } from "../store/image-store.ts";
import type { Collector } from "./collector.ts";
import { measureImages, shareLayers } from "./disk-usage.ts";
import { filterImages, type ImageRow } from "./filter.ts";
import { buildHistory } from "./history.ts";
import type { StoredImage } from "./image.ts";
import type { LayerStore } from "./layer-store.ts";
import { listManifests } from "./manifests.ts";
import { layersOf, splitPart } from "./parts.ts";
import { choosePrunedImages, type ImagePruneReport, isUnfiltered } from "./prune.ts";
import type { PullService } from "./pull.ts";
import { repoTags } from "./view.ts";

export interface ImageParts {
  images: ImageStore;
  layers: LayerStore;
  content: ContentStore;
  events: EventBus;
  pulls: PullService;
  collector: Collector;
}

/** Who uses an image, as the containers tell it. */
export interface ImageUse {
  /** Short ids of containers made from the image. */
  containersOf(imageId: Digest): { id: string; running: boolean }[];
}

/** Finds, lists and removes what the engine holds of images. */
export class ImageService {
  readonly #parts: ImageParts;
  /** Images that containers are being made of: in use before any record says so. */
  readonly #held = new Map<Digest, number>();
  #isPruning = false;

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  /** How many there are. */
  count(): number {
    return this.#parts.images.images().length;
  }

  /** Images with their names, of those that pass the filters. */
  list(filters: Map<string, string[]>): ImageRow[] {
    const { images } = this.#parts;
    const rows = images.images().map((image) => ({ image, tags: images.tagsOf(image.id) }));
    return filterImages(rows, filters, (name) => this.get(name));
  }

  /** One image with its names. Throws not_found. */
  inspect(name: string): ImageRow {
    const image = this.get(name);
    return { image, tags: this.#parts.images.tagsOf(image.id) };
  }

  /** By reference, id ("sha256:…" or its hex) or unique start of an id. Throws not_found in Docker's words. */
  get(name: string): StoredImage {
    const found = this.find(name);
    if (found) return found;
    const shown = /^(sha256:)?[0-9a-f]+$/.test(name) ? name : familiarString(parseReference(name));
    throw new EngineError("not_found", `No such image: ${shown}`);
  }

  find(name: string): StoredImage | undefined {
    const { images } = this.#parts;
    const byReference = this.#tagNamed(name);
    if (byReference) return images.image(byReference.image);
    const hex = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(name)?.[1];
    if (hex === undefined) return undefined;
    const matches = images.images().filter(({ id }) => id.startsWith(`sha256:${hex}`));
    if (matches.length > 1)
      throw new EngineError("invalid_argument", `more than one image id begins with "${name}"`);
    return matches[0];
  }

  /** What images take of the disk. */
  async usage(use: ImageUse) {
    const users = (imageId: Digest): number => use.containersOf(imageId).length;
    return await measureImages({ ...this.#parts, users });
  }

  /** By id: how much of an image's size others have too. */
  sharedSizes(): Map<string, number> {
    const { images, layers } = this.#parts;
    const shares = shareLayers(images.images(), (diffId) => layers.sizeOf([diffId]));
    return new Map([...shares].map(([id, { shared }]) => [id, shared]));
  }

  /** Every manifest that the image's name leads to. Throws not_found. */
  async manifests(
    name: string,
    containersOf: (imageId: Digest) => string[],
  ): Promise<ImageManifestSummary[]> {
    const row = this.inspect(name);
    return await listManifests(row, containersOf(row.image.id), this.#parts.content);
  }

  /** The steps that made an image, newest first. Throws not_found. */
  async history(name: string): Promise<HistoryItem[]> {
    const { content, layers } = this.#parts;
    const row = this.inspect(name);
    const config = parseConfig(await content.read(row.image.id, configCap));
    return buildHistory(row, config, repoTags(row.tags), (diffId) => layers.sizeOf([diffId]));
  }

  /** Gives an image one more name, which another image loses if it had it. Throws not_found. */
  async tag(name: string, reference: Reference): Promise<void> {
    const { images, events, pulls } = this.#parts;
    const image = this.get(name);
    const digest = this.#tagNamed(name)?.digest ?? image.manifest.digest;
    images.save(image, [{ reference: canonicalString(reference), digest }]);
    events.publish("image", "tag", image.id, { name: familiarString(reference) });
    await pulls.writeIndex();
  }

  /** Layer directories, topmost first. */
  lowerDirectories(image: StoredImage): string[] {
    const { layers } = this.#parts;
    if (image.layers.length === 0) return [layers.emptyLayer];
    const paths = image.layers.map(({ diffId }) => layers.path(diffId)).reverse();
    // Overlay refuses a directory that is named twice, and the upper one hides all of the lower one.
    return [...new Set(paths)];
  }

  /** Layer directories for an overlay without an upper one, which wants two of them. */
  completeLower(image: StoredImage): string[] {
    const lower = this.lowerDirectories(image);
    return lower.length > 1 ? lower : [...lower, this.#parts.layers.filler];
  }

  /**
   * Docker's `rmi`: a reference is untagged, and the image goes with its last one; an id takes all its
   * references, if there is one only or by force.
   */
  async remove(name: string, force: boolean, use: ImageUse): Promise<ImageDeleteResponseItem[]> {
    const { images } = this.#parts;
    const image = this.get(name);
    const tags = images.tagsOf(image.id);
    const named = this.#tagNamed(name);
    const short = image.id.slice(7, 19);
    const users = use.containersOf(image.id);
    const untag = named ? [named] : tags;
    const isLast = untag.length === tags.length;
    if (!named && tags.length > 1 && !force) {
      throw new EngineError(
        "conflict",
        `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
      );
    }
    if (isLast) refuseIfUsed(named ? name : short, short, users, force, named !== undefined);
    // An image that containers still use stays, without a name.
    const removed =
      isLast && users.length === 0 && !this.#held.has(image.id)
        ? this.#delete(image, untag)
        : this.#untag(image, untag);
    await this.#parts.pulls.writeIndex();
    await this.#parts.collector.collect();
    return removed;
  }

  /** Removes the images that nobody uses and that pass the filters, and what interrupted work has left. */
  async prune(filters: Map<string, string[]>, use: ImageUse): Promise<ImagePruneReport> {
    if (this.#isPruning) throw new EngineError("conflict", "a prune operation is already running");
    this.#isPruning = true;
    try {
      const { collector, pulls, events } = this.#parts;
      const chosen = choosePrunedImages(this.list(new Map()), filters, Date.now());
      const free = chosen.filter(
        ({ image }) => use.containersOf(image.id).length === 0 && !this.#held.has(image.id),
      );
      const ImagesDeleted = free.flatMap(({ image, tags }) => this.#delete(image, tags));
      if (free.length > 0) await pulls.writeIndex();
      const SpaceReclaimed = await (isUnfiltered(filters)
        ? collector.sweep(new Date())
        : collector.collect());
      events.publish("image", "prune", "", { reclaimed: String(SpaceReclaimed) });
      return { ImagesDeleted, SpaceReclaimed };
    } finally {
      this.#isPruning = false;
    }
  }

  /** Keeps an image's record while a container is made of it. */
  hold({ id }: StoredImage): Disposable {
    this.#held.set(id, (this.#held.get(id) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const left = (this.#held.get(id) ?? 1) - 1;
        if (left > 0) this.#held.set(id, left);
        else this.#held.delete(id);
      },
    };
  }

  #untag(image: StoredImage, tags: Tag[]): ImageDeleteResponseItem[] {
    const { images, events } = this.#parts;
    return tags.map((tag) => {
      images.removeTag(tag.reference);
      const Untagged = familiarString(parseName(tag.reference));
      events.publish("image", "untag", image.id, { name: Untagged });
      return { Untagged };
    });
  }

  /** Record, names and the list of what is to be removed in one transaction; the collector does the rest. */
  #delete(image: StoredImage, tags: Tag[]): ImageDeleteResponseItem[] {
    const { images, collector, events } = this.#parts;
    images.removeImage(image);
    const needed = images.needed();
    const untagged = this.#untag(image, tags);
    events.publish("image", "delete", image.id, { name: image.id });
    const gone = [...new Set(layersOf(image))].filter(
      (part) => !needed.has(part) && !collector.isHeld(part),
    );
    return [
      ...untagged,
      { Deleted: image.id },
      ...gone.map((part) => ({ Deleted: splitPart(part).digest })),
    ];
  }

  #tagNamed(name: string): Tag | undefined {
    const { images } = this.#parts;
    if (/^sha256:|^[0-9a-f]{64}$/.test(name)) return undefined;
    const reference = parseReference(name);
    const { digest } = reference;
    if (digest === undefined) return images.tag(canonicalString(reference));
    const repository = canonicalName(reference);
    return images
      .tags()
      .find(
        (tag) => tag.digest === digest && canonicalName(parseName(tag.reference)) === repository,
      );
  }
}

function refuseIfUsed(
  name: string,
  short: string,
  users: { id: string; running: boolean }[],
  force: boolean,
  named: boolean,
): void {
  const running = users.find((user) => user.running);
  const user = running ?? users[0];
  if (user === undefined) return;
  if (named && running) {
    throw new EngineError(
      "conflict",
      `conflict: unable to remove repository reference "${name}" (must force) - container ${user.id} is using its referenced image ${short}`,
    );
  }
  if (running) {
    throw new EngineError(
      "conflict",
      `conflict: unable to delete ${name} (cannot be forced) - image is being used by running container ${user.id}`,
    );
  }
  if (!force) {
    throw new EngineError(
      "conflict",
      named
        ? `conflict: unable to remove repository reference "${name}" (must force) - container ${user.id} is using its referenced image ${short}`
        : `conflict: unable to delete ${name} (must be forced) - image is being used by stopped container ${user.id}`,
    );
  }
}
