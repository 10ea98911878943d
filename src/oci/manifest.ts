import { EngineError } from "../errors.ts";
import { type Descriptor, parseDescriptor } from "./descriptor.ts";
import { isRecord, parseJson, stringMap } from "./json.ts";
import * as types from "./media-types.ts";
import { printable } from "./printable.ts";

/** Larger documents are refused. */
export const manifestCap = 4 * 1024 * 1024;
/** Indexes may hold indexes down to this depth. */
export const maxIndexDepth = 8;
/** More entries than any real image has: overlay itself takes no more than 500 layers. */
const maxManifests = 10_000;
const maxLayers = 1_000;

export interface ImageIndex {
  kind: "index";
  mediaType: string;
  manifests: Descriptor[];
  subject?: Descriptor;
  artifactType?: string;
  annotations?: Record<string, string>;
  /** As received; what is hashed, stored and sent on. */
  raw: Uint8Array;
}

export interface ImageManifest {
  kind: "manifest";
  mediaType: string;
  config: Descriptor;
  /** Lowest first. */
  layers: Descriptor[];
  subject?: Descriptor;
  artifactType?: string;
  annotations?: Record<string, string>;
  raw: Uint8Array;
}

/**
 * Reads a manifest or an index. `mediaType` is what a descriptor or a Content-Type says of it, "" if nothing
 * does; a document that says otherwise is refused. Throws invalid_argument.
 */
export function parseManifest(raw: Uint8Array, mediaType = ""): ImageIndex | ImageManifest {
  if (raw.byteLength > manifestCap) {
    throw refuse(`larger than ${manifestCap} bytes`);
  }
  const value = parseJson(raw, "manifest");
  if (!isRecord(value)) throw refuse("not an object");
  refuseSchema1(value, mediaType);
  if (value.schemaVersion !== 2) throw refuse("unknown schemaVersion");
  const isIndex = Array.isArray(value.manifests);
  const isManifest = value.layers !== undefined || value.config !== undefined;
  if (value.manifests !== undefined && isManifest) {
    throw refuse("it has both manifests and layers");
  }
  if (!isIndex && !isManifest) throw refuse("it has neither manifests nor layers");
  const type = agreeOnType(value.mediaType, mediaType, isIndex);
  return isIndex ? readIndex(value, raw, type) : readManifest(value, raw, type);
}

function refuseSchema1(value: Record<string, unknown>, mediaType: string): void {
  if (value.schemaVersion === 1 || types.isSchema1Type(mediaType)) {
    throw new EngineError(
      "not_implemented",
      "image manifest schema 1 is not supported: it was withdrawn for its weak digests",
      { hint: "push the image again with a current tool, or pull another tag" },
    );
  }
}

/** The document's own mediaType counts; one from outside must not contradict it. */
function agreeOnType(own: unknown, outer: string, isIndex: boolean): string {
  if (own !== undefined && own !== null && typeof own !== "string") {
    throw refuse("mediaType is not a string");
  }
  const fits = isIndex ? types.isIndexType : types.isManifestType;
  for (const type of [own ?? "", outer]) {
    const known = types.isIndexType(type) || types.isManifestType(type);
    if (type !== "" && (known ? !fits(type) : type === own)) {
      throw refuse(`mediaType ${JSON.stringify(printable(type))} does not fit its content`);
    }
  }
  if (typeof own === "string" && own !== "") {
    if (fits(outer) && outer !== own) throw refuse("its mediaType differs from the announced one");
    return own;
  }
  if (fits(outer)) return outer;
  return isIndex ? types.ociIndex : types.ociManifest;
}

function readIndex(value: Record<string, unknown>, raw: Uint8Array, mediaType: string): ImageIndex {
  const manifests = descriptors(value.manifests, "manifests", maxManifests);
  return { kind: "index", mediaType, manifests, ...common(value), raw };
}

function readManifest(
  value: Record<string, unknown>,
  raw: Uint8Array,
  mediaType: string,
): ImageManifest {
  const config = parseDescriptor(value.config, "config");
  const layers = descriptors(value.layers ?? [], "layers", maxLayers);
  return { kind: "manifest", mediaType, config, layers, ...common(value), raw };
}

function descriptors(value: unknown, where: string, max: number): Descriptor[] {
  if (!Array.isArray(value)) throw refuse(`${where} is not a list`);
  if (value.length > max) throw refuse(`${where} has more than ${max} entries`);
  return value.map((item: unknown, i) => parseDescriptor(item, `${where}[${i}]`));
}

function common(value: Record<string, unknown>) {
  const { subject, artifactType } = value;
  const annotations = stringMap(value.annotations, "manifest: annotations");
  return {
    ...(subject === undefined || subject === null
      ? {}
      : { subject: parseDescriptor(subject, "subject") }),
    ...(typeof artifactType === "string" && artifactType !== "" ? { artifactType } : {}),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function refuse(why: string): EngineError {
  return new EngineError("invalid_argument", `invalid manifest: ${why}`);
}
