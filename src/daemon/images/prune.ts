import type { ImageDeleteResponseItem } from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { hasLabel } from "../containers/prune.ts";
import { parseMoment } from "../http/timestamp.ts";
import { parseFlag } from "../volumes/filter.ts";
import type { ImageRow } from "./filter.ts";

/** Filters of POST /images/prune. */
export const imagePruneFilters = ["dangling", "label", "label!", "until"] as const;

export interface ImagePruneReport {
  ImagesDeleted: ImageDeleteResponseItem[];
  SpaceReclaimed: number;
}

/** The images that a prune takes away: those that nobody uses, without a name unless all are meant. */
export function choosePrunedImages(
  rows: ImageRow[],
  filters: Map<string, string[]>,
  now: number,
): ImageRow[] {
  const dangling = (filters.get("dangling") ?? ["true"]).every((value) =>
    parseFlag("dangling", value),
  );
  const until = readUntil(filters.get("until") ?? [], now);
  const wanted = filters.get("label") ?? [];
  const unwanted = filters.get("label!") ?? [];
  return rows.filter(({ image, tags }) => {
    if (dangling && tags.length > 0) return false;
    if (until !== undefined && (Date.parse(image.created) || 0) > until) return false;
    const has = (label: string): boolean => hasLabel(image.config.Labels ?? {}, label);
    return wanted.every(has) && !unwanted.some(has);
  });
}

/** True if the filters leave out nothing but images with names, so that nameless remains may go as well. */
export function isUnfiltered(filters: Map<string, string[]>): boolean {
  return ["label", "label!", "until"].every((name) => (filters.get(name) ?? []).length === 0);
}

function readUntil(values: string[], now: number): number | undefined {
  const [text, ...more] = values;
  if (text === undefined) return undefined;
  if (more.length > 0)
    throw new EngineError("invalid_argument", "more than one until filter specified");
  return Date.parse(parseMoment(text, now) ?? "");
}
