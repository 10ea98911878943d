import { expect, test } from "bun:test";
import { checkShape, type Fields, ListOf, MapOf } from "./shape.ts";

const shape: Fields = {
  Tty: "boolean",
  Cmd: "words",
  Labels: "texts",
  HostConfig: { Memory: "number", Mounts: new ListOf({ Target: "string" }) },
  Networks: new MapOf({ Aliases: "strings" }),
};

function settled(body: Record<string, unknown>): Record<string, unknown> {
  checkShape(body, shape);
  return body;
}

test("names count whatever their letters' size, at every level, but not names that a client chose", () => {
  const asked = {
    tty: true,
    LABELS: { Tty: "a", tty: "b" },
    hostconfig: { MEMORY: 1, mounts: [{ target: "/a" }] },
    networks: { tty: { aliases: ["b"] } },
  };
  expect(settled(asked)).toEqual({
    Tty: true,
    Labels: { Tty: "a", tty: "b" },
    HostConfig: { Memory: 1, Mounts: [{ Target: "/a" }] },
    Networks: { tty: { Aliases: ["b"] } },
  });
  expect(() => settled({ tty: "yes" })).toThrow('field "Tty" is not true or false');
  expect(settled({ tty: null, unknown: 1 })).toEqual({ unknown: 1 });
});

test("a name that is there twice is refused: who reads it would choose", () => {
  expect(() => settled({ Tty: true, tty: false })).toThrow('field "Tty" is there twice');
  expect(() => settled({ hostConfig: { Memory: 1, memory: 2 } })).toThrow(
    'field "HostConfig.Memory" is there twice',
  );
});

test("a command may be one string", () => {
  expect(settled({ Cmd: "top" })).toEqual({ Cmd: ["top"] });
  expect(settled({ Cmd: ["top", "-b"] })).toEqual({ Cmd: ["top", "-b"] });
  for (const Cmd of [1, {}, ["a", 1], "a\0b"])
    expect(() => settled({ Cmd })).toThrow('field "Cmd" is not a list of strings');
});
