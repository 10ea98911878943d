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

/**
 * Refuses what is named but cannot be given: this process has it not, so no process that it starts will.
 * ALL, and a privileged container, are given what there is.
 */
export function checkCapabilities(names: string[], available: ReadonlySet<string>): void {
  for (const text of names) {
    const name = parseCapability(text);
    if (name === "ALL" || available.has(name)) continue;
    throw new EngineError(
      "invalid_argument",
      `capability not supported by your kernel or not available in the current environment: "CAP_${name}"`,
    );
  }
}

/** Those of this process, by the hexadecimal mask in its /proc/self/status. */
export function parseOwnCapabilities(status: string): Set<string> {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return new Set(allCapabilities.filter((_, bit) => (mask >> BigInt(bit)) & 1n));
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
    throw new EngineError("invalid_argument", `unknown capability: "CAP_${name}"`);
  }
  return name;
}
