import { EngineError } from "../../errors.ts";
import { parseMoment } from "../http/timestamp.ts";
import { isRunning } from "./container.ts";
import type { Entry } from "./table.ts";

/** Filters of POST /containers/prune. */
export const pruneFilters = ["label", "label!", "until"] as const;

export interface PruneReport {
  ContainersDeleted: string[];
  SpaceReclaimed: number;
}

/** The containers that a prune takes away: those that do not run and pass the filters. */
export function choosePruned(
  entries: Entry[],
  filters: Map<string, string[]>,
  now: number,
): Entry[] {
  const until = readUntil(filters.get("until") ?? [], now);
  const wanted = filters.get("label") ?? [];
  const unwanted = filters.get("label!") ?? [];
  return entries.filter(({ container, state, isRemoving }) => {
    if (isRemoving || isRunning(state) || state.status === "restarting") return false;
    const labels = container.config.Labels ?? {};
    const has = (label: string): boolean => hasLabel(labels, label);
    if (until !== undefined && container.createdAt > until) return false;
    return wanted.every(has) && !unwanted.some(has);
  });
}

/** "name" or "name=value". */
export function hasLabel(labels: Record<string, string>, wanted: string): boolean {
  const at = wanted.indexOf("=");
  const name = at < 0 ? wanted : wanted.slice(0, at);
  if (!Object.hasOwn(labels, name)) return false;
  return at < 0 || labels[name] === wanted.slice(at + 1);
}

/** The moment that the filter `until` names, RFC 3339. */
export function readUntil(values: string[], now: number): string | undefined {
  const [text, ...more] = values;
  if (text === undefined) return undefined;
  if (more.length > 0)
    throw new EngineError("invalid_argument", "more than one until filter specified");
  return parseMoment(text, now);
}
