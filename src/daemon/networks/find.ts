import { EngineError } from "../../errors.ts";
import type { Network } from "./network.ts";

/** What to look at for a name that is none: those that there are, as long as that is a sentence. */
export function hintAtNames(names: readonly string[]): string {
  const sorted = names.toSorted((a, b) => a.localeCompare(b, "en"));
  if (sorted.length > 8) return "`rt network ls` shows which there are";
  return `there are ${sorted.slice(0, -1).join(", ")} and ${sorted.at(-1)}`;
}

/** By full id, name, or the start of an id that fits no other; undefined if there is none. */
export function findNetwork(networks: readonly Network[], reference: string): Network | undefined {
  if (reference === "") return undefined;
  const exact =
    networks.find(({ id }) => id === reference) ?? networks.find(({ name }) => name === reference);
  if (exact !== undefined) return exact;
  const begun = networks.filter(({ id }) => id.startsWith(reference));
  if (begun.length > 1) {
    throw new EngineError(
      "invalid_argument",
      `network ${reference} is ambiguous (${begun.length} matches found based on ID prefix)`,
    );
  }
  return begun[0];
}
