import { messageOf } from "../../errors.ts";
import type { ContentStore } from "../../oci/layout.ts";
import type { ImageStore } from "../store/image-store.ts";
import { Holds } from "./holds.ts";
import type { LayerStore } from "./layer-store.ts";
import { blobPart, layerPart, type Part, splitPart } from "./parts.ts";

export interface CollectorParts {
  content: Pick<ContentStore, "list" | "remove" | "size" | "changedAt" | "sweepPartials">;
  layers: Pick<LayerStore, "list" | "remove" | "emptied" | "diskOf" | "changedAt">;
  images: Pick<ImageStore, "needed" | "garbage" | "forgetGarbage" | "addGarbage">;
  log: { warn(text: string): void };
}

/**
 * Removes what no image needs. What is to go is written down in the transaction that makes it useless
 * (`ImageStore.removeImage`), so a daemon that is killed on the way leaves a list for the next one. A part
 * that an image's record names, or that somebody holds, is never removed; whoever holds it and then finds it
 * may count on it until he has let it go.
 */
export class Collector {
  readonly #parts: CollectorParts;
  readonly #holds = new Holds(() => this.#resume());
  readonly #removing = new Map<Part, Promise<void>>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: CollectorParts) {
    this.#parts = parts;
  }

  /** Keeps these parts; resolves when none of them is being removed any more. */
  async hold(parts: Part[]): Promise<Disposable> {
    const held = this.#holds.take(parts);
    await Promise.allSettled(parts.map((part) => this.#removing.get(part)));
    return held;
  }

  /** Keeps everything, as `hold`, for work that does not know yet what it needs. */
  async holdAll(): Promise<Disposable> {
    const held = this.#holds.takeAll();
    await Promise.allSettled(this.#removing.values());
    return held;
  }

  isHeld(part: Part): boolean {
    return this.#holds.has(part);
  }

  /** Removes what was written down; the bytes of the disk that this gave back. */
  async collect(): Promise<number> {
    return await this.#inTurn(() => this.#removeListed(this.#parts.images.garbage()));
  }

  /** Finds and removes what nobody needs and what has not changed since `before`, partial blobs too. */
  async sweep(before: Date): Promise<number> {
    const { images, content } = this.#parts;
    return await this.#inTurn(async () => {
      images.addGarbage(await this.#findUseless(before));
      const partial = await content.sweepPartials(before);
      return partial + (await this.#removeListed(images.garbage()));
    });
  }

  async #findUseless(before: Date): Promise<Part[]> {
    const { content, layers, images } = this.#parts;
    const found: [Part, Promise<Date | undefined>][] = [
      ...(await layers.list()).map((id): [Part, Promise<Date | undefined>] => [
        layerPart(id),
        layers.changedAt(id),
      ]),
      ...(await content.list()).map((digest): [Part, Promise<Date | undefined>] => [
        blobPart(digest),
        content.changedAt(digest),
      ]),
    ];
    const useless: Part[] = [];
    for (const [part, changed] of found) {
      const time = await changed;
      if (time !== undefined && time < before && !images.needed().has(part)) useless.push(part);
    }
    return useless;
  }

  async #removeListed(listed: Part[]): Promise<number> {
    let bytes = 0;
    for (const part of listed) {
      try {
        bytes += await this.#removeOne(part);
      } catch (error) {
        // It stays on the list.
        this.#parts.log.warn(`remove ${part}: ${messageOf(error)}`);
      }
    }
    await this.#parts.layers.emptied();
    return bytes;
  }

  async #removeOne(part: Part): Promise<number> {
    const { content, layers, images } = this.#parts;
    const { kind, digest } = splitPart(part);
    if (images.needed().has(part)) {
      images.forgetGarbage(part);
      return 0;
    }
    const size = kind === "layer" ? layers.diskOf(digest) : content.size(digest);
    const bytes = (await size) ?? 0;
    // Judged and begun in one step: nobody can take hold in between.
    if (this.#holds.has(part) || images.needed().has(part)) {
      return 0;
    }
    const removal = kind === "layer" ? layers.remove(digest) : content.remove(digest);
    this.#removing.set(part, removal);
    try {
      await removal;
    } finally {
      this.#removing.delete(part);
    }
    images.forgetGarbage(part);
    return bytes;
  }

  #resume(): void {
    if (this.#parts.images.garbage().length === 0) return;
    void this.collect().catch((error: unknown) =>
      this.#parts.log.warn(`collect what no image needs: ${messageOf(error)}`),
    );
  }

  async #inTurn(work: () => Promise<number>): Promise<number> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return await result;
  }
}
