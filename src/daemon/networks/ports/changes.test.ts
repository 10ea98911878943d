import { expect, test } from "bun:test";
import { applyChanges, parsePublishChanges } from "./changes.ts";
import type { PortWishes } from "./plans.ts";
import { chooseRemoved } from "./removals.ts";

const bind = (HostPort: string, HostIp = "") => ({ HostIp, HostPort });
const wishes = (bindings: PortWishes["bindings"], more: Partial<PortWishes> = {}): PortWishes => ({
  bindings,
  exposed: [],
  all: false,
  ...more,
});
const parse = (remove: string[], add = {}) => {
  const changes = parsePublishChanges(add, remove);
  if (changes === undefined) throw new Error("no change");
  return changes;
};

test("parsePublishChanges tells how much of a port goes", () => {
  expect(parsePublishChanges({}, [])).toBeUndefined();
  expect(parsePublishChanges(null, undefined)).toBeUndefined();
  const { remove } = parse([
    "80",
    "8080:80/tcp",
    "127.0.0.1:53:53/udp",
    "[::1]:81:81",
    "127.0.0.1::7",
  ]);
  expect(remove).toEqual([
    { port: "80/tcp", host: undefined },
    { port: "80/tcp", host: { address: "", numbers: [8080, 8080] } },
    { port: "53/udp", host: { address: "127.0.0.1", numbers: [53, 53] } },
    { port: "81/tcp", host: { address: "::1", numbers: [81, 81] } },
    { port: "7/tcp", host: { address: "127.0.0.1", numbers: [0, 0] } },
  ]);
  for (const text of ["", "x", "1:2:3:4", "8080:", ":80", "1-2:80-82", "3-:80", "2-1:80"])
    expect(() => parse([text])).toThrow("invalid port specification");
});

test("chooseRemoved finds what is published by what was asked", () => {
  const ports = {
    "80/tcp": [bind("8080", "0.0.0.0"), bind("8080", "::"), bind("8081", "0.0.0.0")],
    "81/tcp": [bind("8080", "127.0.0.1")],
  };
  expect(chooseRemoved(ports, parse(["8080:80"]).remove)).toEqual({
    "80/tcp": [bind("8080", "0.0.0.0"), bind("8080", "::")],
  });
  expect(chooseRemoved(ports, parse(["0.0.0.0:8081:80"]).remove)).toEqual({
    "80/tcp": [bind("8081", "0.0.0.0")],
  });
  expect(chooseRemoved(ports, parse(["81"]).remove)).toEqual({ "81/tcp": ports["81/tcp"] });
});

test("a binding is taken away by its number, or by the one that the engine chose", () => {
  const fixed = wishes({ "80/tcp": [bind("8080"), bind("8081")] });
  expect(applyChanges(fixed, {}, parse(["8081:80"]), "web").bindings).toEqual({
    "80/tcp": [bind("8080")],
  });
  const free = wishes({ "80/tcp": [bind("8080"), bind("")] });
  const ports = { "80/tcp": [bind("8080", "0.0.0.0"), bind("32768", "0.0.0.0")] };
  expect(applyChanges(free, ports, parse(["32768:80"]), "web").bindings).toEqual({
    "80/tcp": [bind("8080")],
  });
  expect(applyChanges(free, ports, parse(["80"]), "web").bindings).toEqual({});
});

test("what is not published cannot be taken away, what is there cannot be added", () => {
  const some = wishes({ "80/tcp": [bind("8080")] });
  for (const text of ["81", "8081:80", "127.0.0.1:8080:80"]) {
    expect(() => applyChanges(some, {}, parse([text]), "web")).toThrow("no public port '");
  }
  const again = parse([], { "80/tcp": [bind("8080")] });
  expect(() => applyChanges(some, {}, again, "web")).toThrow(
    "Bind for 0.0.0.0:8080 failed: port is already allocated",
  );
});

test("what goes can be added again, and additions stand behind what is there", () => {
  const some = wishes({ "80/tcp": [bind("8080")] });
  const moved = parse(["8080:80"], { "81/tcp": [bind("8080")] });
  expect(applyChanges(some, {}, moved, "web").bindings).toEqual({ "81/tcp": [bind("8080")] });
  const more = parse([], { "80/tcp": [bind("", "127.0.0.1")] });
  expect(applyChanges(some, {}, more, "web").bindings).toEqual({
    "80/tcp": [bind("8080"), bind("", "127.0.0.1")],
  });
});

test("taking one of all exposed ports away leaves the others published", () => {
  const all = wishes({}, { exposed: ["80/tcp", "443/tcp"], all: true });
  const after = applyChanges(all, {}, parse(["80"]), "web");
  expect(after).toMatchObject({ bindings: { "443/tcp": [bind("")] }, all: false });
  expect(after.bindings["80/tcp"]).toBeUndefined();
});

test("a binding for both families that loses one keeps the other, and can lose that too", () => {
  const ports = { "80/tcp": [bind("8080", "0.0.0.0"), bind("8080", "::")] };
  const four = parse(["0.0.0.0:8080:80"]);
  const six = parse(["[::]:8080:80"]);
  for (const own of ["8080", "", "8000-8090"]) {
    const after = applyChanges(wishes({ "80/tcp": [bind(own)] }), ports, four, "web");
    expect(after.bindings).toEqual({ "80/tcp": [bind(own, "::")] });
    const left = { "80/tcp": [bind("8080", "::")] };
    expect(applyChanges(after, left, six, "web").bindings).toEqual({});
    const both = parse(["0.0.0.0:8080:80", "[::]:8080:80"]);
    expect(applyChanges(wishes({ "80/tcp": [bind(own)] }), ports, both, "web").bindings).toEqual(
      {},
    );
  }
  const all = wishes({}, { exposed: ["80/tcp"], all: true });
  expect(applyChanges(all, ports, four, "web").bindings).toEqual({ "80/tcp": [bind("", "::")] });
  // Of a container that does not run.
  const some = wishes({ "80/tcp": [bind("8080"), bind("8081")] });
  expect(applyChanges(some, {}, six, "web").bindings).toEqual({
    "80/tcp": [bind("8080", "0.0.0.0"), bind("8081")],
  });
});

test("of several bindings the one that asked for the number goes", () => {
  const some = wishes({ "80/tcp": [bind(""), bind(""), bind("8081"), bind("8000-8010")] });
  const at = (number: string) => [bind(number, "0.0.0.0"), bind(number, "::")];
  const ports = { "80/tcp": ["32768", "32769", "8081", "8003"].flatMap(at) };
  const after = (text: string) =>
    applyChanges(some, ports, parse([text]), "web").bindings["80/tcp"];
  expect(after("32768:80")).toEqual([bind(""), bind("8081"), bind("8000-8010")]);
  expect(after("32768-32769:80")).toEqual([bind("8081"), bind("8000-8010")]);
  expect(after("[::]:8003:80")).toEqual([
    ...[bind(""), bind(""), bind("8081"), bind("8000-8010", "0.0.0.0")],
  ]);
});

test("what is published can always be taken away, whatever was asked for", () => {
  const ports = { "80/tcp": [bind("8080", "::")] };
  expect(applyChanges(wishes({}), ports, parse(["80"]), "web").bindings).toEqual({});
  const other = wishes({ "80/tcp": [bind("9", "127.0.0.1")] });
  expect(applyChanges(other, ports, parse(["[::]:8080:80"]), "web").bindings).toEqual(
    other.bindings,
  );
});

test("where one family has no number of the host's, each family goes by itself", () => {
  const some = wishes({ "80/tcp": [bind("")] });
  const ports = { "80/tcp": [bind("32768", "0.0.0.0"), bind("", "::")] };
  const after = (text: string) => applyChanges(some, ports, parse([text]), "web").bindings;
  for (const text of ["32768:80", "0.0.0.0:32768:80", "0.0.0.0::80"])
    expect(after(text)).toEqual({ "80/tcp": [bind("", "::")] });
  expect(after("[::]::80")).toEqual({ "80/tcp": [bind("", "0.0.0.0")] });
  expect(after("80")).toEqual({});
});

test("a port without a number of the host's goes for whatever number it was asked", () => {
  const ports = { "80/tcp": [bind("", "0.0.0.0")] };
  const some = wishes({ "80/tcp": [bind("8080"), bind("9090"), bind("7070", "0.0.0.0")] });
  expect(applyChanges(some, ports, parse(["0.0.0.0::80"]), "web").bindings).toEqual({});
  const both = { "80/tcp": [bind("", "0.0.0.0"), bind("", "::")] };
  expect(applyChanges(some, both, parse(["0.0.0.0::80"]), "web").bindings).toEqual({
    "80/tcp": [bind("8080", "::"), bind("9090", "::")],
  });
});

test("ranges go as they came", () => {
  const { remove } = parse(["8000-8001:80-81/tcp"]);
  expect(remove).toEqual([
    { port: "80/tcp", host: { address: "", numbers: [8000, 8000] } },
    { port: "81/tcp", host: { address: "", numbers: [8001, 8001] } },
  ]);
  expect(parse(["7-8/udp"]).remove.map(({ port }) => port)).toEqual(["7/udp", "8/udp"]);
  const range = wishes({ "80/tcp": [bind("8000-8010"), bind("9000")] });
  for (const ports of [{}, { "80/tcp": [bind("8003", "0.0.0.0"), bind("9000", "0.0.0.0")] }]) {
    const after = applyChanges(range, ports, parse(["8000-8010:80"]), "web");
    expect(after.bindings).toEqual({ "80/tcp": [bind("9000")] });
  }
});
