import { isRecord } from "../../json.ts";
import { manifestCap } from "../../manifest.ts";
import { ociIndex } from "../../media-types.ts";
import { checkDigest } from "./digests.ts";
import { jsonReply } from "./replies.ts";
import type { RegistryState } from "./state.ts";

/**
 * An index of the manifests that have the digest for their subject; empty if there is none. As a client takes no
 * index larger than a manifest may be, what does not fit is on the next page.
 */
export async function listReferrers(
  { repositories }: RegistryState,
  url: URL,
  name: string,
  reference: string,
): Promise<Response> {
  const subject = checkDigest(reference);
  const wanted = url.searchParams.get("artifactType");
  const last = url.searchParams.get("last") ?? "";
  const manifests: unknown[] = [];
  let link = {};
  let size = 0;
  let end = "";
  for await (const { key, text } of repositories.referrers(name, subject)) {
    if (key <= last) continue;
    const descriptor: unknown = JSON.parse(text);
    if (wanted !== null && !(isRecord(descriptor) && descriptor.artifactType === wanted)) continue;
    size += Buffer.byteLength(text) + 1;
    if (size > pageCap && manifests.length > 0) {
      const query = new URLSearchParams(url.searchParams);
      query.set("last", end);
      link = { link: `<${url.pathname}?${query}>; rel="next"` };
      break;
    }
    manifests.push(descriptor);
    end = key;
  }
  return jsonReply(
    { schemaVersion: 2, mediaType: ociIndex, manifests },
    {
      "content-type": ociIndex,
      ...(wanted === null ? {} : { "oci-filters-applied": "artifactType" }),
      ...link,
    },
  );
}

const pageCap = manifestCap - 1024;
