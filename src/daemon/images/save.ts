import { type FileHandle, open } from "node:fs/promises";
import { blockSize, padding } from "../../archive/header.ts";
import { EngineError, messageOf } from "../../errors.ts";
import { configCap } from "../../oci/config.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { formatPlatform, matchPlatform, type Platform } from "../../oci/platform.ts";
import {
  canonicalName,
  canonicalString,
  familiarString,
  parseName,
  type Reference,
} from "../../oci/reference.ts";
import type { EventBus } from "../events/bus.ts";
import type { ImageStore } from "../store/image-store.ts";
import type { StoredImage } from "./image.ts";
import {
  headerOf,
  planSave,
  type SavedBlob,
  type SavedDocument,
  type SavedImage,
  type SavedMember,
} from "./save-plan.ts";
import { findIndex, type SavedIndex } from "./saved-index.ts";
import { findManifest } from "./saved-manifest.ts";

export interface SaveParts {
  content: ContentStore;
  images: ImageStore;
  events: EventBus;
  /** An image by name or id. Throws not_found. */
  get(name: string): StoredImage;
  /** Keeps all of the store from being removed until it is disposed of. */
  holdAll(): Promise<Disposable>;
}

/** Where the archive goes; the first call says that all of it can be had. */
export interface SavedOutput {
  write(chunk: Uint8Array): Promise<void>;
  /** The first `size` bytes of an open file. */
  writeFile(file: FileHandle, size: number): Promise<void>;
}

/** Writes images to archives, with every document and blob byte for byte as it was pulled. */
export class SaveService {
  readonly #parts: SaveParts;

  constructor(parts: SaveParts) {
    this.#parts = parts;
  }

  /** Nothing is sent before all of it was found. */
  async save(
    names: string[],
    platform: Platform | undefined,
    output: SavedOutput,
    signal: AbortSignal,
  ): Promise<void> {
    const chosen = this.#choose(names);
    for (const { image } of chosen.values()) checkSavedPlatform(image, platform);
    using _held = await this.#parts.holdAll();
    const members = await this.#plan([...chosen.values()], platform === undefined);
    for (const member of members) {
      await output.write(headerOf(member));
      if (member.kind === "blob") await this.#sendBlob(member, output);
      // A connection that is half closed could still be told a proper end of half an archive.
      signal.throwIfAborted();
    }
    await output.write(new Uint8Array(2 * blockSize));
    for (const id of chosen.keys()) this.#parts.events.publish("image", "save", id, { name: id });
  }

  /** A bare repository stands for all its tags, as in Docker; an id for the image without a name. */
  #choose(names: string[]): Map<Digest, { image: StoredImage; names: Reference[] }> {
    const { images, get } = this.#parts;
    const chosen = new Map<Digest, { image: StoredImage; names: Reference[] }>();
    const add = (image: StoredImage, name?: Reference): void => {
      const known = chosen.get(image.id) ?? { image, names: [] };
      const text = name && familiarString(name);
      if (name && !known.names.some((each) => familiarString(each) === text))
        known.names.push(name);
      chosen.set(image.id, known);
    };
    for (const text of names) {
      const asked = parseSaved(text);
      const tags = asked === undefined || asked.tag || asked.digest ? [] : images.tags();
      const ofRepository = tags
        .map((tag) => ({ tag, name: parseName(tag.reference) }))
        .filter(({ name }) => asked && name.tag && canonicalName(name) === canonicalName(asked));
      for (const { tag, name } of ofRepository) add(get(tag.image), name);
      if (ofRepository.length > 0) continue;
      add(get(text), asked?.tag === undefined ? undefined : withoutDigest(asked));
    }
    return chosen;
  }

  /** With `whole`, a name that stands for an index stands for it in the archive too, if all of it is here. */
  async #plan(
    chosen: { image: StoredImage; names: Reference[] }[],
    whole: boolean,
  ): Promise<SavedMember[]> {
    const { content } = this.#parts;
    const saved: SavedImage[] = [];
    const documents: SavedDocument[] = [];
    const layers: SavedBlob[] = [];
    for (const { image, names } of chosen) {
      const { id } = image;
      const found = await findManifest(image, this.#parts);
      const { digest } = found.descriptor;
      documents.push({ digest, bytes: found.bytes });
      documents.push({ digest: id, bytes: await content.read(id, configCap) });
      layers.push(...found.layers);
      const digests = found.layers.map((layer) => layer.digest);
      const own = { manifest: found.descriptor, config: id, layers: digests };
      const indexed = whole ? await this.#findIndexes(image, names) : [];
      const plain = names.filter((name) => !indexed.some((each) => each.name === name));
      if (plain.length > 0 || indexed.length === 0) saved.push({ ...own, names: plain });
      for (const { name, index } of indexed) {
        saved.push({ ...own, manifest: index.descriptor, names: [name] });
        documents.push(...index.documents);
        layers.push(...index.layers);
      }
    }
    return planSave(saved, documents, layers);
  }

  /** Names that stand for an index of which everything is here. */
  async #findIndexes({ manifest }: StoredImage, names: Reference[]) {
    const { images, content } = this.#parts;
    const found: { name: Reference; index: SavedIndex }[] = [];
    for (const name of names) {
      const top = images.tag(canonicalString(name))?.digest;
      if (top === undefined || top === manifest.digest) continue;
      const index = await findIndex(top, content);
      if (index) found.push({ name, index });
    }
    return found;
  }

  async #sendBlob(
    { digest, size }: Extract<SavedMember, { kind: "blob" }>,
    output: SavedOutput,
  ): Promise<void> {
    await using file = await openBlob(this.#parts.content.path(digest));
    await output.writeFile(file, size);
    await output.write(padding(size));
  }
}

async function openBlob(path: string): Promise<FileHandle> {
  return await open(path, "r").catch((cause) => {
    throw new EngineError("internal", `a blob has gone: ${messageOf(cause)}`, { cause });
  });
}

/** Undefined for an id, which is not a name. */
function parseSaved(text: string): Reference | undefined {
  return /^(sha256:[0-9a-f]+|[0-9a-f]{64})$/.test(text) ? undefined : parseName(text);
}

function withoutDigest({ digest: _digest, ...name }: Reference): Reference {
  return name;
}

/** Throws not_found unless the image is for the platform that was asked for. */
export function checkSavedPlatform(image: StoredImage, platform: Platform | undefined): void {
  if (platform === undefined || matchPlatform(image.platform, platform) === 0) return;
  throw new EngineError(
    "not_found",
    `image with reference ${image.id.slice(7, 19)} was found but does not provide the specified platform (${formatPlatform(platform)})`,
  );
}
