import { EngineError } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";
import { isRecord, stringMap } from "./json.ts";
import type { Platform } from "./platform.ts";

/** Points at content: where `urls` and `data` are given they are ignored. */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** Bytes, a safe integer ≥ 0. */
  size: number;
  platform?: Platform;
  artifactType?: string;
  annotations?: Record<string, string>;
}

const mediaTypePattern =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/** Reads one descriptor of a manifest; `where` names it in errors ("layers[3]"). */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  if (!isRecord(value)) throw refuse(where, "not an object");
  const { mediaType, digest, size, artifactType } = value;
  if (typeof mediaType !== "string" || !mediaTypePattern.test(mediaType)) {
    throw refuse(where, "no valid mediaType");
  }
  if (!isDigest(digest)) throw refuse(where, "no valid digest");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw refuse(where, "no valid size");
  }
  const platform = parsePlatformObject(value.platform, where);
  const annotations = stringMap(value.annotations, `${where}: annotations`);
  return {
    mediaType,
    digest,
    size,
    ...(platform === undefined ? {} : { platform }),
    ...(typeof artifactType === "string" && artifactType !== "" ? { artifactType } : {}),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function parsePlatformObject(value: unknown, where: string): Platform | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) throw refuse(where, "platform is not an object");
  const { os, architecture, variant } = value;
  const version = value["os.version"];
  const features = value["os.features"];
  if (typeof os !== "string" || typeof architecture !== "string") {
    throw refuse(where, "platform names no os and architecture");
  }
  return {
    os,
    architecture,
    ...(typeof variant === "string" && variant !== "" ? { variant } : {}),
    ...(typeof version === "string" && version !== "" ? { "os.version": version } : {}),
    ...(isFeatures(features) ? { "os.features": features } : {}),
  };
}

/** A list of texts that says something; what else may be there is nobody's business. */
export function isFeatures(value: unknown): value is string[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")
  );
}

function refuse(where: string, why: string): EngineError {
  return new EngineError("invalid_argument", `invalid manifest: ${where}: ${why}`);
}
