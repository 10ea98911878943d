import { EngineError } from "../../errors.ts";
import { canonicalName, familiarName, familiarString, parseName } from "../../oci/reference.ts";
import { parseMoment } from "../http/timestamp.ts";
import type { Tag } from "../store/image-store.ts";
import type { StoredImage } from "./image.ts";

/** Filters of GET /images/json that this engine knows. */
export const imageFilters = ["before", "dangling", "label", "reference", "since", "until"] as const;

/** Longer than any reference; matching takes time by the square of it. */
const longestPattern = 512;

export interface ImageRow {
  image: StoredImage;
  tags: Tag[];
}

/**
 * The images that pass every filter, with those of their names that were asked for. Every value of a filter counts,
 * but any of the references is enough. `find` looks an image up for `before` and `since`.
 */
export function filterImages(
  rows: readonly ImageRow[],
  filters: ReadonlyMap<string, string[]>,
  find: (name: string) => StoredImage,
): ImageRow[] {
  const { reference: patterns = [], ...others } = Object.fromEntries(filters);
  const tests = Object.entries(others).flatMap(([name, values]) =>
    values.map((value) => (row: ImageRow) => matches(row, name, value, find)),
  );
  const passing = rows.filter((row) => tests.every((test) => test(row)));
  if (patterns.length === 0) return passing;
  const isAsked = buildReferenceTest(patterns);
  return passing
    .map(({ image, tags }) => ({ image, tags: tags.filter(isAsked) }))
    .filter(({ tags }) => tags.length > 0);
}

function buildReferenceTest(patterns: readonly string[]): (tag: Tag) => boolean {
  if (patterns.some((pattern) => pattern.length > longestPattern))
    throw new EngineError("invalid_argument", "invalid filter 'reference': too long");
  const globs = patterns.map((pattern) => new Bun.Glob(pattern));
  return (tag) => {
    const reference = parseName(tag.reference);
    const names = [familiarName(reference), familiarString(reference), canonicalName(reference)];
    return names.some((name) => globs.some((glob) => glob.match(name)));
  };
}

function matches(
  { image, tags }: ImageRow,
  name: string,
  value: string,
  find: (name: string) => StoredImage,
): boolean {
  const created = Date.parse(image.created) || 0;
  switch (name) {
    case "dangling":
      return (tags.length === 0) === ["true", "1"].includes(value);
    case "label": {
      const at = value.indexOf("=");
      const labels = image.config.Labels ?? {};
      const label = at < 0 ? value : value.slice(0, at);
      return Object.hasOwn(labels, label) && (at < 0 || labels[label] === value.slice(at + 1));
    }
    case "before":
      return created < (Date.parse(find(value).created) || 0);
    case "since":
      return created > (Date.parse(find(value).created) || 0);
    default:
      return created < Date.parse(parseMoment(value, Date.now()) ?? "");
  }
}
