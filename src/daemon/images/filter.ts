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

/** True if the image passes every filter. `find` looks an image up for `before` and `since`. */
export function matchesImage(
  row: ImageRow,
  filters: Map<string, string[]>,
  find: (name: string) => StoredImage,
): boolean {
  for (const [name, values] of filters) {
    if (values.length > 0 && !values.some((value) => matchesOne(row, name, value, find)))
      return false;
  }
  return true;
}

function matchesOne(
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
    case "until":
      return created < Date.parse(parseMoment(value, Date.now()) ?? "");
    default: {
      if (value.length > longestPattern)
        throw new EngineError("invalid_argument", "invalid filter 'reference': too long");
      const pattern = new Bun.Glob(value);
      return tags.some((tag) => {
        const reference = parseName(tag.reference);
        return [familiarName(reference), familiarString(reference), canonicalName(reference)].some(
          (text) => pattern.match(text),
        );
      });
    }
  }
}
