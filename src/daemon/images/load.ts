import { EngineError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { formatPlatform, matchPlatform, type Platform } from "../../oci/platform.ts";
import { canonicalString, familiarString } from "../../oci/reference.ts";
import type { EventBus } from "../events/bus.ts";
import type { ImageStore } from "../store/image-store.ts";
import { findImages } from "./archive-images.ts";
import type { ArchivedImage } from "./archived-image.ts";
import type { Report } from "./fetch-layer.ts";
import { inflate } from "./inflate-stream.ts";
import type { Installer } from "./installer.ts";
import { refuse, Spool } from "./spool.ts";

export interface LoadParts {
  content: ContentStore;
  images: ImageStore;
  events: EventBus;
  installer: Installer;
}

export interface LoadOptions {
  /** undefined: the host's, where there is a choice. */
  platform: Platform | undefined;
  /** Called only once all of the archive was read. */
  report: Report;
}

/** Takes images from archives, as `docker save`, `skopeo` and `rt save` write them. */
export class LoadService {
  readonly #parts: LoadParts;

  constructor(parts: LoadParts) {
    this.#parts = parts;
  }

  /** Every document is judged before the first layer is unpacked; what was spooled is gone in the end. */
  async load(
    input: AsyncIterable<Uint8Array>,
    { platform, report }: LoadOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const { content, events, installer } = this.#parts;
    await using spool = new Spool(content);
    await spool.fill(inflate(input), signal);
    const found = await findImages(spool, platform);
    if (found.length === 0) throw refuse("it holds no images");
    for (const image of found) checkPlatform(image, platform);
    for (const image of found) {
      const before = this.#namesBefore(image);
      const { id } = await installer.install(spool, image, report, signal);
      for (const { name, old } of before) {
        if (old === undefined || old === id) continue;
        const text = `The image ${name} already exists, renaming the old one with ID ${old} to empty string`;
        report({ stream: `${text}\n` });
      }
      for (const { name } of before) report({ stream: `Loaded image: ${name}\n` });
      if (before.length === 0) report({ stream: `Loaded image ID: ${id}\n` });
      events.publish("image", "load", id, { name: id });
    }
  }

  /** Whose the names are before the image takes them. */
  #namesBefore({ names }: ArchivedImage): { name: string; old: Digest | undefined }[] {
    const { images } = this.#parts;
    return names.map((name) => ({
      name: familiarString(name),
      old: images.tag(canonicalString(name))?.image,
    }));
  }
}

function checkPlatform({ config }: ArchivedImage, platform: Platform | undefined): void {
  const have = formatPlatform(config.platform);
  if (config.platform.os !== "linux")
    throw new EngineError(
      "invalid_argument",
      `the archive's image is for ${have}, and this engine runs Linux images only`,
    );
  if (platform === undefined || matchPlatform(config.platform, platform) === 0) return;
  const text = `the archive's image is for ${have}, not for ${formatPlatform(platform)}`;
  throw new EngineError("not_found", text);
}
