import { describe, expect, test } from "bun:test";
import { chooseCapabilities } from "./capabilities.ts";
import { allCapabilities } from "./defaults.ts";

/** The mask that /proc/PID/status shows as CapEff. */
function mask(names: string[]): string {
  const bits = names.reduce(
    (sum, name) => sum | (1n << BigInt((allCapabilities as readonly string[]).indexOf(name))),
    0n,
  );
  return bits.toString(16).padStart(16, "0");
}

describe("chooseCapabilities", () => {
  test("the default set is Docker's", () => {
    expect(mask(chooseCapabilities([], [], false))).toBe("00000000a80425fb");
  });

  test("privileged means every capability", () => {
    expect(mask(chooseCapabilities([], [], true))).toBe("000001ffffffffff");
  });

  test("names are taken in any case, with or without CAP_", () => {
    expect(chooseCapabilities(["cap_net_admin"], ["ALL"], false)).toEqual(["NET_ADMIN"]);
  });

  test("a capability dropped by name is missing from ALL", () => {
    expect(chooseCapabilities(["ALL"], ["SYS_ADMIN"], false)).not.toContain("SYS_ADMIN");
    expect(chooseCapabilities(["ALL"], ["SYS_ADMIN"], false)).toContain("NET_ADMIN");
  });

  test("an unknown name is refused", () => {
    expect(() => chooseCapabilities(["FLY"], [], false)).toThrow('unknown capability: "FLY"');
  });
});
