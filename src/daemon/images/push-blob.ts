import type { Digest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import type { ImageTarget } from "../../oci/registry/types.ts";
import { type Report, shortDigest } from "./fetch-layer.ts";
import type { PushedBlob } from "./push-plan.ts";

/** More repositories than so many are not asked for one blob. */
const mountAttempts = 2;

interface BlobPusherParts {
  content: ContentStore;
  target: ImageTarget;
  /** Repositories of the same registry that may have a blob. */
  sources: ReadonlyMap<Digest, string[]>;
  report: Report;
}

/** Gets blobs into one repository, with as few bytes as that takes, and tells of layers in Docker's words. */
export class BlobPusher {
  readonly #parts: BlobPusherParts;

  constructor(parts: BlobPusherParts) {
    this.#parts = parts;
  }

  prepare(blob: PushedBlob): void {
    this.#tell(blob, "Preparing");
  }

  /** True if the repository has the blob, or has it now from another one. */
  async borrow(blob: PushedBlob, signal: AbortSignal): Promise<boolean> {
    const { target, sources } = this.#parts;
    const { digest, isLayer } = blob;
    if (await target.hasBlob(digest, { signal })) {
      this.#tell(blob, "Layer already exists");
      return true;
    }
    const from = isLayer ? (sources.get(digest) ?? []).slice(0, mountAttempts) : [];
    for (const repository of from) {
      if (!(await target.mountBlob(digest, repository, { signal }))) continue;
      this.#tell(blob, `Mounted from ${repository}`);
      return true;
    }
    return false;
  }

  async push(blob: PushedBlob, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (await this.borrow(blob, signal)) return;
    const { content, target } = this.#parts;
    const { descriptor, digest } = blob;
    const total = descriptor.size;
    const sent = (current: number): void => this.#tell(blob, "Pushing", { current, total });
    sent(0);
    await target.putBlob({ descriptor, path: content.path(digest) }, { signal, sent });
    this.#tell(blob, "Pushed");
  }

  #tell(
    { digest, isLayer }: PushedBlob,
    status: string,
    progressDetail: { current?: number; total?: number } = {},
  ): void {
    if (isLayer) this.#parts.report({ status, progressDetail, id: shortDigest(digest) });
  }
}
