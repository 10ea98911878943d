import { expect, test } from "bun:test";
import { findNetwork } from "./find.ts";
import { sampleNetwork } from "./sample.ts";

const [first, second, third] = [
  sampleNetwork([], { id: "abc1".padEnd(64, "0"), name: "first" }),
  sampleNetwork([], { id: "abd2".padEnd(64, "0"), name: "abc1" }),
  sampleNetwork([], { id: "ffff".padEnd(64, "0"), name: "abc1".padEnd(64, "0") }),
];
const networks = [first, second, third];

test.each([
  ["first", first],
  ["abc1", second],
  ["abc", first],
  ["abd", second],
  ["f", third],
  ["abc1".padEnd(64, "0"), first],
  ["firs", undefined],
  ["", undefined],
])(
  "%j names the network that has this id, else this name, else an id that begins so",
  (reference, found) => {
    expect(findNetwork(networks, reference)).toBe(found);
  },
);

test("the start of two ids is ambiguous", () => {
  expect(() => findNetwork(networks, "ab")).toThrow(
    "network ab is ambiguous (2 matches found based on ID prefix)",
  );
});
