import { expect, test } from "bun:test";
import { formatPrefix, overlaps, type Prefix, prefixOf } from "../address.ts";
import {
  choosePools,
  chooseSubnet,
  dockerPools,
  parseDefaultPools,
  uniqueLocalPool,
} from "./default-pools.ts";

test("Docker's pools are used in its order, each subnet once, until none is left", () => {
  const taken: Prefix[] = [];
  for (let count = 0; count < 31; count++) taken.push(chooseSubnet(dockerPools, 4, taken));
  const chosen = taken.map(formatPrefix);
  expect(chosen.slice(0, 4)).toEqual([
    ...["172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16", "172.20.0.0/16"],
  ]);
  expect(chosen.slice(14, 17)).toEqual(["172.31.0.0/16", "192.168.0.0/20", "192.168.16.0/20"]);
  expect(taken.some((a, index) => taken.slice(0, index).some((b) => overlaps(a, b)))).toBe(false);
  expect(() => chooseSubnet(dockerPools, 4, taken)).toThrow(
    "all predefined address pools have been fully subnetted",
  );
});

test.each([
  [["10.0.1.0/24"], "10.0.0.0/24"],
  [["10.0.0.0/24", "10.0.2.0/24"], "10.0.1.0/24"],
  [["10.0.0.128/25", "10.0.1.0/30"], "10.0.2.0/24"],
  [["10.0.0.0/23"], "10.0.2.0/24"],
  [["10.0.0.0/16"], "10.9.0.0/24"],
  [["10.0.0.0/15", "10.9.0.0/25"], "10.9.1.0/24"],
])("beside %j the first free subnet is %s", (obstacles, chosen) => {
  const pools = parseDefaultPools([
    { base: "10.9.0.0/16", size: 24 },
    { base: "10.0.0.0/16", size: 24 },
  ]);
  const taken = obstacles.map(prefixOf);
  expect(formatPrefix(chooseSubnet(pools, 4, taken))).toBe(chosen);
});

test("local IPv6 subnets are of one block for each engine", () => {
  const own = uniqueLocalPool("engine");
  expect(formatPrefix(own.base)).toMatch(/^fd[0-9a-f:]+\/48$/);
  expect(own).toEqual(uniqueLocalPool("engine"));
  expect(own.base.base).not.toBe(uniqueLocalPool("other").base.base);
  const first = chooseSubnet([own], 6, []);
  expect(first).toEqual({ ...own.base, length: 64 });
  expect(chooseSubnet([own], 6, [first]).base).toBe(first.base + 2n ** 64n);
});

test("pools of the user replace the engine's own of that family", () => {
  const chosen = choosePools(parseDefaultPools([{ base: "10.0.0.0/8", size: 24 }]), "engine");
  expect(chosen.map(({ base, size }) => `${base.family} ${size}`)).toEqual(["4 24", "6 64"]);
});

test("of pools that overlap the smaller is left out", () => {
  const pools = parseDefaultPools([
    { base: "10.1.0.0/16", size: 24 },
    { base: "10.0.0.0/8", size: 16 },
    { base: "fd00::/48", size: 64 },
  ]);
  expect(pools.map(({ base }) => formatPrefix(base))).toEqual(["10.0.0.0/8", "fd00::/48"]);
});

test.each([
  ["10.0.0.0", 24, "its base is no subnet"],
  ["10.0.0.0/16", 8, "its subnets would be larger than its base"],
  ["10.0.0.0/16", 33, "IPv4 has no such prefix length"],
  ["fd00::/16", 129, "IPv6 has no such prefix length"],
])("the pool %s in parts of %d is refused", (base, size, words) => {
  expect(() => parseDefaultPools([{ base, size }])).toThrow(words);
});
