import { EngineError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import type { Platform } from "../../oci/platform.ts";
import {
  canonicalName,
  canonicalString,
  familiarName,
  familiarString,
  parseName,
  type Reference,
} from "../../oci/reference.ts";
import type { Credentials, ImageTarget, Login } from "../../oci/registry/types.ts";
import type { EventBus } from "../events/bus.ts";
import type { ImageStore } from "../store/image-store.ts";
import type { Report } from "./fetch-layer.ts";
import type { StoredImage } from "./image.ts";
import { Limiter } from "./limiter.ts";
import { BlobPusher } from "./push-blob.ts";
import {
  findSources,
  type PushedBlob,
  type PushPlan,
  planImage,
  planIndex,
  planSubstitute,
} from "./push-plan.ts";
import { checkSavedPlatform } from "./save.ts";
import { allOrNone } from "./together.ts";

/** Docker's default of max-concurrent-uploads. */
const concurrentUploads = 5;

export interface PushRequest {
  /** Without a tag: all tags of the repository. */
  reference: Reference;
  platform: Platform | undefined;
  credentials: Credentials | undefined;
  report: Report;
  signal: AbortSignal;
}

export interface PushParts {
  content: ContentStore;
  images: ImageStore;
  events: EventBus;
  collector: { holdAll(): Promise<Disposable> };
  /** A client of the reference's repository. */
  openTarget(reference: Reference, login: Login | undefined): ImageTarget;
}

/** A name with what it stands for. */
interface Pushed {
  name: Reference;
  /** Of the manifest or index that the name was pulled by. */
  top: Digest;
  image: StoredImage;
}

/** Pushes images: every manifest, config and layer byte for byte as it is in the store. */
export class PushService {
  readonly #parts: PushParts;
  readonly #limiter = new Limiter(concurrentUploads);

  constructor(parts: PushParts) {
    this.#parts = parts;
  }

  async push(request: PushRequest): Promise<void> {
    const { reference, report, credentials } = request;
    const pushed = this.#choose(reference);
    for (const { image } of pushed) checkSavedPlatform(image, request.platform);
    using _held = await this.#parts.collector.holdAll();
    const { path, domain } = reference;
    report({ status: `The push refers to repository [${canonicalName({ domain, path })}]` });
    const login = credentials && { domain, credentials };
    const target = this.#parts.openTarget(reference, login);
    for (const each of pushed) await this.#pushOne(each, target, request);
  }

  /** Throws not_found in Docker's words. */
  #choose(reference: Reference): Pushed[] {
    const { images } = this.#parts;
    const repository = canonicalName(reference);
    const pushed = images.tags().flatMap(({ reference: text, digest, image }): Pushed[] => {
      const name = parseName(text);
      const found = images.image(image);
      const isWanted = name.tag !== undefined && canonicalName(name) === repository;
      return isWanted && found !== undefined ? [{ name, top: digest, image: found }] : [];
    });
    if (pushed.length === 0) {
      const words = "An image does not exist locally with the tag";
      throw new EngineError("not_found", `${words}: ${familiarName(reference)}`);
    }
    if (reference.tag === undefined) return pushed;
    const one = pushed.filter(({ name }) => canonicalString(name) === canonicalString(reference));
    if (one.length > 0) return one;
    throw new EngineError("not_found", `tag does not exist: ${familiarString(reference)}`);
  }

  async #pushOne(pushed: Pushed, target: ImageTarget, request: PushRequest): Promise<void> {
    const { name, image } = pushed;
    const { report, signal } = request;
    const { content, images, events } = this.#parts;
    const sources = findSources(name, images);
    const pusher = new BlobPusher({ content, target, sources, report });
    const plan = await this.#place(pushed, pusher, request);
    const tag = name.tag ?? "latest";
    const last = plan.manifests.length - 1;
    for (const [at, { descriptor, bytes }] of plan.manifests.entries()) {
      const place = at === last ? tag : descriptor.digest;
      await target.putManifest(place, descriptor, bytes, { signal });
    }
    const { mediaType, digest, size } = plan.manifests[last]?.descriptor ?? image.manifest;
    report({ status: `${tag}: digest: ${digest} size: ${size}` });
    report({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size } });
    if (plan.index !== undefined) {
      report({
        progressDetail: {},
        aux: {
          manifestPushedInsteadOfIndex: true,
          originalIndex: plan.index,
          selectedManifest: { mediaType, digest, size },
        },
      });
    }
    events.publish("image", "push", familiarString(name), { name: familiarName(name) });
  }

  /** Puts the blobs of a name where its manifests can be put; what is not here the registry may have. */
  async #place(
    { image, top }: Pushed,
    pusher: BlobPusher,
    { platform, signal }: PushRequest,
  ): Promise<PushPlan> {
    const stores = this.#parts;
    const whole = platform === undefined ? await planIndex(image, top, stores) : undefined;
    const plan = whole ?? (await planImage(image, top, stores));
    for (const blob of plan.blobs) pusher.prepare(blob);
    const isHad = await this.#pushAll(plan, pusher, signal);
    if (isHad) return plan;
    const other = await planSubstitute(image, plan, stores);
    await this.#pushAll(other, pusher, signal);
    return other;
  }

  /** False if the registry has not what is not here. */
  async #pushAll(plan: PushPlan, pusher: BlobPusher, signal: AbortSignal): Promise<boolean> {
    const { content } = this.#parts;
    const absent: PushedBlob[] = [];
    for (const blob of plan.blobs) if (!(await content.has(blob.digest))) absent.push(blob);
    for (const blob of absent) if (!(await pusher.borrow(blob, signal))) return false;
    await allOrNone(
      signal,
      plan.blobs.filter((blob) => !absent.includes(blob)),
      (blob, stop) => this.#limiter.run(() => pusher.push(blob, stop), stop),
    );
    return true;
  }
}
