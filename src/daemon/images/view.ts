import type { ImageInspect, ImageSummary } from "../../api/types.ts";
import { canonicalName, familiarName, familiarString, parseName } from "../../oci/reference.ts";
import type { Tag } from "../store/image-store.ts";
import type { StoredImage } from "./image.ts";

/** Docker's shape of an image, for `inspect`. */
export function toImageInspect(image: StoredImage, tags: Tag[]): ImageInspect {
  return {
    Id: image.id,
    RepoTags: repoTags(tags),
    RepoDigests: repoDigests(tags),
    Parent: "",
    Comment: "",
    Created: image.created,
    DockerVersion: "",
    Author: image.author,
    Config: image.config,
    Architecture: image.platform.architecture,
    ...(image.platform.variant === undefined ? {} : { Variant: image.platform.variant }),
    Os: image.platform.os,
    Size: image.size,
    GraphDriver: { Name: "overlay2", Data: {} },
    RootFS: { Type: "layers", Layers: image.diffIds },
    Metadata: { LastTagTime: "0001-01-01T00:00:00Z" },
  };
}

/** A row of `images`. -1 is Docker's "not computed". */
export function toImageSummary(image: StoredImage, tags: Tag[]): ImageSummary {
  return {
    Id: image.id,
    ParentId: "",
    RepoTags: repoTags(tags),
    RepoDigests: repoDigests(tags),
    Created: Math.floor((Date.parse(image.created) || 0) / 1000),
    Size: image.size,
    SharedSize: -1,
    Labels: image.config.Labels ?? {},
    Containers: -1,
  };
}

function repoTags(tags: Tag[]): string[] {
  return tags
    .map((tag) => parseName(tag.reference))
    .filter((name) => name.tag !== undefined)
    .map(familiarString);
}

function repoDigests(tags: Tag[]): string[] {
  const names = tags.map((tag) => `${familiarName(parseName(tag.reference))}@${tag.digest}`);
  return [...new Set(names)];
}

/** Filters of GET /images/json that this engine knows. */
export const imageFilters = ["before", "dangling", "label", "reference", "since", "until"] as const;

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
      return at < 0 ? value in labels : labels[value.slice(0, at)] === value.slice(at + 1);
    }
    case "before":
      return created < (Date.parse(find(value).created) || 0);
    case "since":
      return created > (Date.parse(find(value).created) || 0);
    case "until":
      return created < (/^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value));
    default: {
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
