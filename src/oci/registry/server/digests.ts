import { type Digest, isDigest } from "../../digest.ts";
import { RegistryError } from "./replies.ts";

/** A digest of an algorithm that is known here. Throws DIGEST_INVALID. */
export function checkDigest(text: string): Digest {
  if (!isDigest(text)) throw new RegistryError("DIGEST_INVALID", "invalid digest");
  return text;
}

/** The entity tag of content: its digest, so that it never lies. */
export function tagOf(digest: Digest): string {
  return `"${digest}"`;
}

/** True if a client says by If-None-Match that it has the content already. */
export function isKnown(request: Request, digest: Digest): boolean {
  const header = request.headers.get("if-none-match") ?? "";
  const tags = header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(tagOf(digest));
}

/** False if a client wants a range of other content than this (If-Range), and so all of this. */
export function mayHaveRange(request: Request, digest: Digest): boolean {
  const header = request.headers.get("if-range");
  return header === null || header === tagOf(digest);
}
