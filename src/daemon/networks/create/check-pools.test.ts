import { expect, test } from "bun:test";
import { checkPools } from "./check-pools.ts";
import type { PoolRequest } from "./request.ts";

const pool = (asked: Partial<PoolRequest>): PoolRequest => ({
  ...{ subnet: "10.0.0.0/16", range: "", gateway: "", auxiliary: {} },
  ...asked,
});

test.each<[Partial<PoolRequest>, string]>([
  [{ subnet: "" }, "invalid subnet : invalid CIDR block notation"],
  [{ subnet: "10.0.0.0" }, "invalid subnet 10.0.0.0: invalid CIDR block notation"],
  [{ subnet: "10.0.1.0/16" }, "invalid subnet 10.0.1.0/16: it should be 10.0.0.0/16"],
  [{ range: "x" }, "invalid ip-range x: invalid CIDR block notation"],
  [{ range: "fd00::/64" }, "invalid ip-range fd00::/64: parent subnet is an IPv4 block"],
  [
    { range: "10.0.0.0/8" },
    "invalid ip-range 10.0.0.0/8: CIDR block is bigger than its parent subnet 10.0.0.0/16",
  ],
  [{ range: "10.0.1.1/24" }, "invalid ip-range 10.0.1.1/24: it should be 10.0.1.0/24"],
  [
    { range: "10.1.0.0/24" },
    "invalid ip-range 10.1.0.0/24: parent subnet 10.0.0.0/16 doesn't contain ip-range",
  ],
  [{ gateway: "10.0.0" }, "invalid gateway 10.0.0: invalid address"],
  [{ gateway: "fd00::1" }, "invalid gateway fd00::1: parent subnet is an IPv4 block"],
  [
    { gateway: "10.1.0.1" },
    "invalid gateway 10.1.0.1: parent subnet 10.0.0.0/16 doesn't contain this address",
  ],
  [{ auxiliary: { printer: "" } }, "invalid auxiliary address printer: invalid address"],
  [
    { auxiliary: { printer: "10.1.0.1" } },
    "invalid auxiliary address printer: parent subnet 10.0.0.0/16 doesn't contain this address",
  ],
])("%j is refused in Docker's words", (asked, words) => {
  expect(() => checkPools([pool(asked)], true)).toThrow(`invalid network config:\n${words}`);
});

test("all that is wrong is said at once", () => {
  const asked = pool({ subnet: "10.0.1.0/16", gateway: "11.0.0.1" });
  expect(() => checkPools([asked, pool({ subnet: "?" })], false)).toThrow(
    [
      "invalid network config:",
      "* invalid subnet 10.0.1.0/16: it should be 10.0.0.0/16",
      "* invalid gateway 11.0.0.1: parent subnet 10.0.0.0/16 doesn't contain this address",
      "* invalid subnet ?: invalid CIDR block notation",
    ].join("\n"),
  );
});

test("what is asked for IPv6 counts where it is on", () => {
  const asked = pool({ subnet: "fd00::1/64", gateway: "10.0.0.1" });
  expect(() => checkPools([asked], false)).not.toThrow();
  expect(() => checkPools([asked], true)).toThrow("it should be fd00::/64");
});
