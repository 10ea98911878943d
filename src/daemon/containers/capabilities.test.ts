import { describe, expect, test } from "bun:test";
import { capabilityMask, chooseCapabilities } from "./capabilities.ts";

/** As /proc/PID/status shows it. */
function shown(names: string[]): string {
  return capabilityMask(names).toString(16).padStart(16, "0");
}

describe("chooseCapabilities", () => {
  test("the default set is Docker's", () => {
    expect(shown(chooseCapabilities([], [], false))).toBe("00000000a80425fb");
  });

  test("privileged means every capability", () => {
    expect(shown(chooseCapabilities([], [], true))).toBe("000001ffffffffff");
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
