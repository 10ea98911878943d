import { expect, test } from "bun:test";
import { hasIpv6Off } from "./ipv6-off.ts";
import type { Attachment } from "./network.ts";

const none = { driverOptions: {} } as Attachment;

test("IPv6 is off by any whole number but 0", () => {
  const off = (value: string) =>
    hasIpv6Off({ Sysctls: { "net.ipv6.conf.all.disable_ipv6": value } }, none);
  for (const value of ["1", " 1\n", "2", "-1", "0x1", "010"]) expect(off(value)).toBe(true);
  for (const value of ["", "0", " 0 ", "no"]) expect(off(value)).toBe(false);
});
