import { expect, test } from "bun:test";
import { nameInterfaces } from "./interface-names.ts";

const place = (network: string, chosen?: string, prefix = "eth") => ({ network, chosen, prefix });

test("interfaces are numbered in the order of their networks", () => {
  const names = nameInterfaces([place("a"), place("b")]);
  expect([...names]).toEqual([
    ["a", "eth0"],
    ["b", "eth1"],
  ]);
});

test("the first number that is free is taken, in use or chosen by another", () => {
  expect(nameInterfaces([place("c")], ["eth0", "eth2"]).get("c")).toBe("eth1");
  expect(nameInterfaces([place("a"), place("b", "eth0")]).get("a")).toBe("eth1");
});

test("a network's own prefix is numbered by itself", () => {
  const names = nameInterfaces([place("a"), place("b", undefined, "ct"), place("c")]);
  expect([...names.values()]).toEqual(["eth0", "ct0", "eth1"]);
});
