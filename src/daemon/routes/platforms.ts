import { EngineError } from "../../errors.ts";
import { isRecord } from "../../oci/json.ts";
import { normalize, type Platform, parsePlatform } from "../../oci/platform.ts";
import { parseJson } from "../http/json.ts";
import { defaultLimits } from "../http/limits.ts";
import type { Query } from "../http/query.ts";

/** The `platform` parameters of a request: OCI platforms in JSON, or "linux/amd64". */
export function readPlatforms(query: Query): Platform[] {
  return query
    .list("platform")
    .filter((text) => text !== "")
    .map((text) => (text.startsWith("{") ? fromJson(text) : parsePlatform(text)));
}

function fromJson(text: string): Platform {
  const value = parseJson(Buffer.from(text), "platform", defaultLimits.jsonDepth);
  if (!isRecord(value)) throw invalid();
  const { os, architecture, variant = "" } = value;
  if (typeof os !== "string" || typeof architecture !== "string" || typeof variant !== "string")
    throw invalid();
  return normalize({ os, architecture, ...(variant === "" ? {} : { variant }) });
}

function invalid(): EngineError {
  return new EngineError("invalid_argument", "invalid platform: os and architecture are wanted");
}
