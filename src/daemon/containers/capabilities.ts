import { EngineError } from "../../errors.ts";
import { allCapabilities, defaultCapabilities } from "./defaults.ts";

/**
 * The capabilities of a container, names without CAP_, in the kernel's order. Docker's rules: privileged
 * means all; ALL in either list stands for every capability; what is dropped by name wins over what is
 * added by ALL, what is added by name wins over what is dropped by ALL.
 */
export function chooseCapabilities(add: string[], drop: string[], privileged: boolean): string[] {
  if (privileged) return [...allCapabilities];
  const added = new Set(add.map(parseCapability));
  const dropped = new Set(drop.map(parseCapability));
  let chosen: Set<string>;
  if (added.has("ALL")) {
    chosen = new Set(allCapabilities.filter((name) => !dropped.has(name)));
  } else if (dropped.has("ALL")) {
    chosen = new Set(added);
  } else {
    chosen = new Set(defaultCapabilities.filter((name) => !dropped.has(name)));
    for (const name of added) chosen.add(name);
  }
  return allCapabilities.filter((name) => chosen.has(name));
}

/** The names as bits, in a number that holds them exactly (41 of 53). */
export function capabilityMask(names: string[]): number {
  return names.reduce(
    (mask, name) => mask + 2 ** (allCapabilities as readonly string[]).indexOf(name),
    0,
  );
}

function parseCapability(text: string): string {
  const name = text.toUpperCase().replace(/^CAP_/, "");
  if (name !== "ALL" && !(allCapabilities as readonly string[]).includes(name)) {
    throw new EngineError("invalid_argument", `unknown capability: "${text}"`);
  }
  return name;
}
