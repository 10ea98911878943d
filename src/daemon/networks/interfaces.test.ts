import { expect, test } from "bun:test";
import { parseInterfaces } from "./interfaces.ts";

test("names of interfaces are what stands before the colon", () => {
  const text = [
    "Inter-|   Receive                        |  Transmit",
    " face |bytes    packets errs drop         |bytes    packets",
    "    lo:     120       2    0    0              120       2",
    "eth0.10:1234567 1 0 0 0 0",
    "",
  ].join("\n");
  expect(parseInterfaces(text)).toEqual(["lo", "eth0.10"]);
});
