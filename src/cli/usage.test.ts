import { expect, test } from "bun:test";
import { wordsOf } from "./usage.ts";

test.each([
  ["IMAGE [COMMAND] [ARG...]", ["IMAGE", "[COMMAND]", "[ARG...]"]],
  ["CONTAINER [PRIVATE_PORT[/PROTO]]", ["CONTAINER", "[PRIVATE_PORT[/PROTO]]"]],
  ["FILE|- [REPOSITORY[:TAG]]", ["FILE|-", "[REPOSITORY[:TAG]]"]],
  ["NAME[:TAG|@DIGEST]", ["NAME[:TAG|@DIGEST]"]],
  ["CONTAINER [ps OPTIONS]", ["CONTAINER", "[ps OPTIONS]"]],
  ["", []],
])("the words of %p are the arguments that help lists", (usage, words) => {
  expect(wordsOf(usage)).toEqual(words);
});
