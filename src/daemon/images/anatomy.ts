import type { ImageAnatomy, LayerSize, LayersDifference } from "../../api/anatomy.ts";
import { EngineError } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";
import { configCap, parseConfig } from "../../oci/config.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { manifestCap, parseManifest } from "../../oci/manifest.ts";
import { formatPlatform } from "../../oci/platform.ts";
import type { Collector } from "./collector.ts";
import type { ImageRow } from "./filter.ts";
import type { StoredImage } from "./image.ts";
import type { LayerStore } from "./layer-store.ts";
import { partsOf } from "./parts.ts";
import { repoTags } from "./view.ts";

export interface AnatomyParts {
  native: Pick<Native, "measureLayers" | "diffLayers">;
  content: ContentStore;
  layers: LayerStore;
  collector: Pick<Collector, "hold">;
  images: {
    inspect(name: string): ImageRow;
    lowerDirectories(image: StoredImage): string[];
  };
}

/** Takes a difference piece by piece, in lines of JSON. */
export type SendLines = (lines: Uint8Array) => Promise<void>;

/** Looks into unpacked layers: what each of them brings and hides, and what differs between two images. */
export class AnatomyService {
  readonly #parts: AnatomyParts;

  constructor(parts: AnatomyParts) {
    this.#parts = parts;
  }

  /** Throws not_found. */
  async tree(name: string): Promise<ImageAnatomy> {
    const row = this.#parts.images.inspect(name);
    using _held = await this.#hold([row.image]);
    const { image } = row;
    const { layers, native } = this.#parts;
    const paths = image.layers.map(({ diffId }) => layers.path(diffId));
    const [measured, sizes, commands] = await Promise.all([
      native.measureLayers(paths),
      this.#compressedSizes(image),
      this.#commands(image),
    ]);
    const Layers = image.layers.map(({ blob, diffId }, at) => ({
      ...{ DiffID: diffId, Digest: blob, CreatedBy: commands[at] ?? "" },
      ...{ Size: measured.bytes[at] ?? 0, CompressedSize: sizes[at] ?? 0 },
      ...{ Files: measured.files[at] ?? 0, WastedBytes: measured.wasted[at] ?? 0 },
    }));
    return {
      ...{ Id: image.id, RepoTags: repoTags(row.tags), Platform: formatPlatform(image.platform) },
      ...{
        Size: sum(measured.bytes),
        CompressedSize: sum(sizes),
        WastedBytes: sum(measured.wasted),
      },
      Layers,
    };
  }

  /** Tells of layers in one line, then of every file that differs. Throws not_found. */
  async diff(before: string, after: string, send: SendLines, signal: AbortSignal): Promise<void> {
    const { images, native, layers } = this.#parts;
    const [old, fresh] = [images.inspect(before).image, images.inspect(after).image];
    using _held = await this.#hold([old, fresh]);
    const told = compareLayers(idsOf(old), idsOf(fresh), (id) => layers.sizeOf([id]));
    await send(new TextEncoder().encode(`${JSON.stringify(told)}\n`));
    const source = native.diffLayers({
      before: images.lowerDirectories(old),
      after: images.lowerDirectories(fresh),
    });
    const cancel = (): void => source.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      for (let lines = await source.next(); lines !== null; lines = await source.next()) {
        await send(lines);
        signal.throwIfAborted();
      }
    } finally {
      signal.removeEventListener("abort", cancel);
      source.cancel();
    }
  }

  /** Keeps images while they are looked at. Throws conflict if a layer is gone already. */
  async #hold(images: StoredImage[]): Promise<Disposable> {
    const { collector, layers } = this.#parts;
    const held = await collector.hold(images.flatMap(partsOf));
    for (const diffId of images.flatMap(idsOf)) {
      if (await layers.has(diffId)) continue;
      held[Symbol.dispose]();
      throw new EngineError("conflict", `layer ${diffId} is not in the store`, {
        hint: "`rt system check --repair` fetches what is missing",
      });
    }
    return held;
  }

  /** As they are here; of one that is not, as its manifest says. */
  async #compressedSizes({ manifest, layers }: StoredImage): Promise<number[]> {
    const { content } = this.#parts;
    const parsed = parseManifest(await content.read(manifest.digest, manifestCap));
    const told = parsed.kind === "manifest" ? parsed.layers.map(({ size }) => size) : [];
    return await Promise.all(
      layers.map(async ({ blob }, at) => (await content.size(blob)) ?? told[at] ?? 0),
    );
  }

  /** What made each layer; a step that made none is left out. */
  async #commands({ id }: StoredImage): Promise<string[]> {
    const { history } = parseConfig(await this.#parts.content.read(id, configCap));
    return history.filter(({ emptyLayer }) => !emptyLayer).map(({ createdBy }) => createdBy);
  }
}

/** Lowest first. */
const idsOf = ({ layers }: StoredImage): Digest[] => layers.map(({ diffId }) => diffId);

const sum = (numbers: number[]): number => numbers.reduce((total, each) => total + each, 0);

/** By diffID, wherever in its image a layer stands. */
export function compareLayers(
  before: Digest[],
  after: Digest[],
  sizeOf: (diffId: Digest) => number,
): LayersDifference {
  const [old, fresh] = [new Set(before), new Set(after)];
  const describe = (ids: Iterable<Digest>): LayerSize[] =>
    [...ids].map((DiffID) => ({ DiffID, Size: sizeOf(DiffID) }));
  return {
    layers: {
      shared: describe(old.intersection(fresh)),
      removed: describe(old.difference(fresh)),
      added: describe(fresh.difference(old)),
    },
  };
}
