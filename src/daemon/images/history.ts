import type { HistoryItem } from "../../api/types.ts";
import type { ImageConfig } from "../../oci/config.ts";
import type { ImageRow } from "./filter.ts";

/**
 * Docker's history of an image, newest step first. Only the last step is an image that can be named; `sizeOf`
 * gives the bytes of one layer by its diffID.
 */
export function buildHistory(
  { image }: ImageRow,
  { history, diffIds }: Pick<ImageConfig, "history" | "diffIds">,
  names: string[],
  sizeOf: (diffId: string) => number,
): HistoryItem[] {
  let layer = 0;
  const items = history.map((entry): HistoryItem => {
    const diffId = entry.emptyLayer ? undefined : diffIds[layer++];
    return {
      Id: "<missing>",
      Created: toSeconds(entry.created),
      CreatedBy: entry.createdBy,
      Tags: null,
      Size: diffId === undefined ? 0 : sizeOf(diffId),
      Comment: entry.comment,
    };
  });
  // A config may tell less than it has: each further layer is a step of which nothing is known.
  for (const diffId of diffIds.slice(layer)) {
    const Created = toSeconds(image.created);
    const Size = sizeOf(diffId);
    items.push({ Id: "<missing>", Created, CreatedBy: "", Tags: null, Size, Comment: "" });
  }
  const last = items.at(-1);
  if (last) {
    last.Id = image.id;
    if (names.length > 0) last.Tags = names;
  }
  return items.reverse();
}

function toSeconds(time: string): number {
  return Math.floor((Date.parse(time) || 0) / 1000);
}
