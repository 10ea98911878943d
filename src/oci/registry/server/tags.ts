import { jsonReply, RegistryError } from "./replies.ts";
import type { RegistryState } from "./state.ts";

export async function listTags(state: RegistryState, url: URL, name: string): Promise<Response> {
  const { repositories } = state;
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

/** The part of a sorted list that `?n=` and `?last=` ask for, and the Link to the next part. */
function page(all: string[], url: URL): { items: string[]; headers: Record<string, string> } {
  const last = url.searchParams.get("last") ?? "";
  const n = url.searchParams.get("n");
  const after = last === "" ? all : all.filter((item) => item > last);
  if (n === null) return { items: after, headers: {} };
  if (!/^[0-9]{1,9}$/.test(n)) {
    throw new RegistryError("UNSUPPORTED", "n is not a number", { status: 400 });
  }
  const items = after.slice(0, Number(n));
  const end = items.at(-1);
  if (end === undefined || items.length === after.length) return { items, headers: {} };
  const query = new URLSearchParams({ n, last: end });
  return { items, headers: { link: `<${url.pathname}?${query}>; rel="next"` } };
}
