import { isRecord } from "../../json.ts";
import { ociIndex } from "../../media-types.ts";
import { checkDigest } from "./blobs.ts";
import { jsonReply, RegistryError } from "./replies.ts";
import type { RegistryState } from "./state.ts";

export async function listTags(state: RegistryState, url: URL, name: string): Promise<Response> {
  const { repositories } = state;
  repositories.directory(name);
  if (!(await repositories.exists(name))) {
    throw new RegistryError("NAME_UNKNOWN", "repository name not known to registry");
  }
  const { items, headers } = page(await repositories.tags(name), url);
  return jsonReply({ name, tags: items }, headers);
}

export async function listRepositories(state: RegistryState, url: URL): Promise<Response> {
  const { items, headers } = page(await state.repositories.names(), url);
  return jsonReply({ repositories: items }, headers);
}

/** An index of the manifests that have the digest for their subject; empty if there is none. */
export async function listReferrers(
  state: RegistryState,
  url: URL,
  name: string,
  reference: string,
): Promise<Response> {
  const digest = checkDigest(reference);
  const wanted = url.searchParams.get("artifactType");
  const all: unknown[] = (await state.repositories.referrers(name, digest)).map((text) =>
    JSON.parse(text),
  );
  const manifests =
    wanted === null ? all : all.filter((item) => isRecord(item) && item.artifactType === wanted);
  return jsonReply(
    { schemaVersion: 2, mediaType: ociIndex, manifests },
    {
      "content-type": ociIndex,
      ...(wanted === null ? {} : { "oci-filters-applied": "artifactType" }),
    },
  );
}

/** The part of a sorted list that `?n=` and `?last=` ask for, and the Link to the next part. */
function page(all: string[], url: URL): { items: string[]; headers: Record<string, string> } {
  const last = url.searchParams.get("last") ?? "";
  const n = url.searchParams.get("n");
  const after = last === "" ? all : all.filter((item) => item > last);
  if (n === null) return { items: after, headers: {} };
  if (!/^[0-9]{1,9}$/.test(n)) {
    throw new RegistryError("PAGINATION_NUMBER_INVALID", "n is not a number");
  }
  const items = after.slice(0, Number(n));
  const end = items.at(-1);
  if (end === undefined || items.length === after.length) return { items, headers: {} };
  const query = new URLSearchParams({ n, last: end });
  return { items, headers: { link: `<${url.pathname}?${query}>; rel="next"` } };
}
