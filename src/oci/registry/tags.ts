import { EngineError } from "../../errors.ts";
import { isRecord, parseJson } from "../json.ts";
import { printable } from "../printable.ts";
import { isTag } from "../reference.ts";

/** As many as any repository has, and an end to what a registry can make us ask. */
const maxTags = 100_000;
const maxPages = 10_000;

export interface TagPage {
  names: string[];
  /** Query of the next page, "?last=b&n=2"; undefined on the last. */
  next: string | undefined;
}

/** Reads a page of GET tags/list and its Link header. Throws invalid_argument. */
export function parseTagPage(body: Uint8Array, link: string | null, what: string): TagPage {
  const value = parseJson(body, what);
  const tags = isRecord(value) ? (value.tags ?? []) : undefined;
  if (!Array.isArray(tags)) throw refuse(what, "not a list");
  const names = tags.map((tag: unknown) => {
    if (typeof tag === "string" && isTag(tag)) return tag;
    throw refuse(what, `${JSON.stringify(printable(String(tag), 80))} is no tag`);
  });
  return { names, next: parseNext(link) };
}

/**
 * `</v2/app/tags/list?last=b&n=2>; rel="next"` → "?last=b&n=2". Of the address only the query counts: registries behind
 * proxies name hosts that are not theirs, and hostile ones hosts that they should not make us ask.
 */
function parseNext(link: string | null): string | undefined {
  for (const [, target = "", parameters = ""] of (link ?? "").matchAll(/<([^>]*)>([^,<]*)/g)) {
    if (!/;\s*rel="?next"?(\s|;|$)/i.test(parameters)) continue;
    const base = "http://registry.invalid";
    const search = URL.canParse(target, base) ? new URL(target, base).search : "";
    if (search !== "") return search;
  }
  return undefined;
}

/** All tags, each once, in the registry's order. `readPage` is given the query of the page, "" for the first. */
export async function collectTags(
  what: string,
  readPage: (query: string) => Promise<TagPage>,
): Promise<string[]> {
  const names = new Set<string>();
  const asked = new Set<string>();
  for (let query: string | undefined = ""; query !== undefined; ) {
    if (asked.has(query)) throw refuse(what, "its pages go round in a circle");
    asked.add(query);
    const page: TagPage = await readPage(query);
    for (const name of page.names) names.add(name);
    if (names.size > maxTags || asked.size > maxPages) throw refuse(what, "it does not end");
    query = page.next;
  }
  return [...names];
}

function refuse(what: string, why: string): EngineError {
  return new EngineError("invalid_argument", `invalid ${what}: ${why}`);
}
