import { EngineError } from "../../errors.ts";
import type { Network } from "./network.ts";

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
