import { EngineError } from "../../errors.ts";
import { buildMatch } from "../containers/pattern.ts";
import { labelsOf, type Volume } from "./volume.ts";

/** Filters of GET /volumes and of POST /volumes/prune. */
export const volumeFilters = ["dangling", "driver", "label", "label!", "name"] as const;
export const pruneFilters = ["all", "label", "label!"] as const;

/** The volumes that pass every filter; within one filter any value is enough, but every label counts. */
export function filterVolumes(
  volumes: readonly Volume[],
  filters: ReadonlyMap<string, string[]>,
  isUsed: (name: string) => boolean,
): Volume[] {
  const isNamed = buildMatch(filters.get("name") ?? []);
  return volumes.filter((volume) => passesAll(volume, filters, { isUsed, isNamed }));
}

interface Tests {
  isUsed(name: string): boolean;
  isNamed(name: string): boolean;
}

function passesAll(
  volume: Volume,
  filters: ReadonlyMap<string, string[]>,
  { isUsed, isNamed }: Tests,
): boolean {
  const passes: Record<string, (values: string[]) => boolean> = {
    dangling: (values) =>
      values.some((value) => parseFlag("dangling", value) !== isUsed(volume.name)),
    driver: (values) => values.includes("local"),
    label: (values) => values.every((value) => hasLabel(volume, value)),
    "label!": (values) => !values.some((value) => hasLabel(volume, value)),
    name: () => isNamed(volume.name),
  };
  return [...filters].every(
    ([name, values]) => values.length === 0 || (passes[name]?.(values) ?? true),
  );
}

/** A filter whose value is true or false. */
export function parseFlag(name: string, value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new EngineError("invalid_argument", `invalid filter '${name}=[${value}]'`);
}

function hasLabel(volume: Volume, wanted: string): boolean {
  const at = wanted.indexOf("=");
  const labels = labelsOf(volume);
  const key = at < 0 ? wanted : wanted.slice(0, at);
  return Object.hasOwn(labels, key) && (at < 0 || labels[key] === wanted.slice(at + 1));
}
