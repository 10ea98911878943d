import type { ImageInspect, ImageSummary, WireDescriptor } from "../../api/types.ts";
import { familiarName, familiarString, parseName } from "../../oci/reference.ts";
import type { Tag } from "../store/image-store.ts";
import type { StoredImage } from "./image.ts";

/** Docker's shape of an image, for `inspect`. */
export function toImageInspect(image: StoredImage, tags: Tag[]): ImageInspect {
  return {
    Id: image.id,
    Descriptor: toDescriptor(image),
    RepoTags: repoTags(tags),
    RepoDigests: repoDigests(tags),
    Parent: "",
    Comment: image.comment ?? "",
    Created: image.created,
    DockerVersion: "",
    Author: image.author,
    Config: image.config,
    Architecture: image.platform.architecture,
    ...(image.platform.variant === undefined ? {} : { Variant: image.platform.variant }),
    Os: image.platform.os,
    Size: image.size,
    GraphDriver: { Name: "overlay2", Data: {} },
    RootFS: { Type: "layers", Layers: image.layers.map(({ diffId }) => diffId) },
    Metadata: { LastTagTime: "0001-01-01T00:00:00Z" },
  };
}

function toDescriptor({ manifest: { mediaType, digest, size } }: StoredImage): WireDescriptor {
  return { mediaType, digest, size };
}

/** A row of `images`. -1 is Docker's "not computed". */
export function toImageSummary(image: StoredImage, tags: Tag[], shared = -1): ImageSummary {
  return {
    Id: image.id,
    ParentId: "",
    RepoTags: repoTags(tags),
    RepoDigests: repoDigests(tags),
    Created: Math.floor((Date.parse(image.created) || 0) / 1000),
    Size: image.size,
    SharedSize: shared,
    Labels: image.config.Labels ?? {},
    Containers: -1,
  };
}

/** The tags of an image, as people write them. */
export function repoTags(tags: Tag[]): string[] {
  return tags
    .map((tag) => parseName(tag.reference))
    .filter((name) => name.tag !== undefined)
    .map(familiarString);
}

function repoDigests(tags: Tag[]): string[] {
  const names = tags.map((tag) => `${familiarName(parseName(tag.reference))}@${tag.digest}`);
  return [...new Set(names)];
}
