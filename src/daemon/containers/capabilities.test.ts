import { describe, expect, test } from "bun:test";
import {
  capabilityMask,
  checkCapabilities,
  chooseCapabilities,
  parseOwnCapabilities,
} from "./capabilities.ts";

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
    expect(() => chooseCapabilities(["FLY"], [], false)).toThrow('unknown capability: "CAP_FLY"');
  });
});

test("what the daemon itself has not is refused by name", () => {
  const own = parseOwnCapabilities("Name:\tbun\nCapEff:\t000001fffeffffff\nCapBnd:\t0\n");
  expect(own.size).toBe(40);
  expect(own.has("SYS_RESOURCE")).toBeFalse();
  checkCapabilities(["ALL", "cap_chown", "SYS_ADMIN"], own);
  expect(() => checkCapabilities(["SYS_RESOURCE"], own)).toThrow(
    'capability not supported by your kernel or not available in the current environment: "CAP_SYS_RESOURCE"',
  );
  expect(() => checkCapabilities(["NO_SUCH"], own)).toThrow('unknown capability: "CAP_NO_SUCH"');
});
