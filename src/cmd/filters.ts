import { UsageError } from "../cli/flags.ts";
import type { Filters } from "../client/engine.ts";

/** `--filter name=value` values → the API's filters. */
export function parseFilters(items: readonly string[]): Filters {
  const filters: Filters = {};
  for (const item of items) {
    const equals = item.indexOf("=");
    if (item === "") continue;
    if (equals < 0) {
      throw new UsageError(
        `invalid argument "${item}" for "-f, --filter" flag: bad format of filter (expected name=value)`,
      );
    }
    const name = item.slice(0, equals).trim().toLowerCase();
    filters[name] = [...(filters[name] ?? []), item.slice(equals + 1).trim()];
  }
  return filters;
}
