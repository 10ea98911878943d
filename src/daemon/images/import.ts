import { parseConfig } from "../../oci/config.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import type { ContentStore } from "../../oci/layout.ts";
import { ociConfig, ociManifest } from "../../oci/media-types.ts";
import { hostPlatform, type Platform } from "../../oci/platform.ts";
import { familiarString, type Reference } from "../../oci/reference.ts";
import { nowRfc3339 } from "../containers/container.ts";
import type { EventBus } from "../events/bus.ts";
import { applyChanges, toImageConfig } from "../files/commit-config.ts";
import type { ArchivedImage, Document } from "./archived-image.ts";
import type { Installer } from "./installer.ts";
import { mediaTypeOf } from "./layer-type.ts";
import { Spool } from "./spool.ts";

export interface ImportParts {
  content: ContentStore;
  events: EventBus;
  installer: Installer;
}

export interface ImportRequest {
  /** None leaves the image without a name. */
  reference: Reference | undefined;
  message: string;
  /** Dockerfile instructions. */
  changes: string[];
  /** undefined: the host's. */
  platform: Platform | undefined;
}

/** Makes images of one layer out of archives of a root, as `docker export` writes them. */
export class ImportService {
  readonly #parts: ImportParts;

  constructor(parts: ImportParts) {
    this.#parts = parts;
  }

  /** The archive is kept as the layer, compressed as it came. */
  async import(
    input: AsyncIterable<Uint8Array>,
    request: ImportRequest,
    signal: AbortSignal,
  ): Promise<Digest> {
    const { content, events, installer } = this.#parts;
    const config = toImageConfig(applyChanges({}, request.changes));
    await using spool = new Spool(content);
    const file = await spool.take(input, signal);
    const mediaType = await mediaTypeOf(file);
    const describe = (diffId: Digest): ArchivedImage =>
      describeImage(request, config, { file, mediaType, diffId });
    const { id } = await installer.create(spool, file, describe, signal);
    events.publish("image", "import", id, { name: id });
    const { reference } = request;
    if (reference) events.publish("image", "tag", id, { name: familiarString(reference) });
    return id;
  }
}

type Layer = ArchivedImage["layers"][number] & { mediaType: string };

function describeImage(
  { message, platform, reference }: ImportRequest,
  config: Record<string, unknown>,
  { mediaType, ...layer }: Layer,
): ArchivedImage {
  const created = nowRfc3339();
  const raw = encode({
    ...{ created, ...(platform ?? hostPlatform()), config },
    rootfs: { type: "layers", diff_ids: [layer.diffId] },
    history: [{ created, comment: message === "" ? "Imported from -" : message }],
  });
  const described = toDocument(ociConfig, raw);
  const { digest, size } = layer.file;
  const manifest = toDocument(
    ociManifest,
    encode({
      ...{ schemaVersion: 2, mediaType: ociManifest, config: described.descriptor },
      layers: [{ mediaType, digest, size }],
    }),
  );
  return {
    config: parseConfig(raw),
    manifest: manifest.descriptor,
    documents: [manifest, described],
    top: manifest.descriptor.digest,
    layers: [layer],
    names: reference === undefined ? [] : [reference],
  };
}

function toDocument(mediaType: string, bytes: Uint8Array): Document {
  const descriptor: Descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  return { descriptor, bytes };
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
