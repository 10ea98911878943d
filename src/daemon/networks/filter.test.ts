import { expect, test } from "bun:test";
import { filterNetworks, isPrunable } from "./filter.ts";
import type { Network } from "./network.ts";
import { sampleNetwork } from "./sample.ts";

const networks = [
  sampleNetwork([], { id: "a1", name: "bridge" }),
  sampleNetwork([], { id: "b2", name: "none", driver: "null" }),
  sampleNetwork([], { id: "c3", name: "busy", labels: { stage: "test", team: "" } }),
  sampleNetwork([], { id: "d4", name: "idle", driver: "macvlan", labels: { stage: "live" } }),
];
const isUsed = ({ name }: Network): boolean => name === "busy";

test.each<[Record<string, string[]>, string]>([
  [{}, "bridge none busy idle"],
  [{ driver: ["null", "macvlan"] }, "none idle"],
  [{ name: ["bus", "id"] }, "bridge busy idle"],
  [{ name: ["^b.*e$"] }, "bridge"],
  [{ name: ["^bus$", "^idle$"] }, "idle"],
  [{ id: ["c"] }, "busy"],
  [{ id: ["^[ad]"] }, "bridge idle"],
  [{ scope: ["swarm"] }, ""],
  [{ scope: ["local"] }, "bridge none busy idle"],
  [{ label: ["stage"] }, "busy idle"],
  [{ label: ["stage=test", "team"] }, "busy"],
  [{ type: ["builtin"] }, "bridge none"],
  [{ type: ["custom"], driver: ["bridge"] }, "busy"],
  [{ dangling: ["true"] }, "idle"],
  [{ dangling: ["0"] }, "bridge none busy"],
])("the filters %j let %p through", (filters, names) => {
  const passed = filterNetworks(networks, new Map(Object.entries(filters)), isUsed);
  expect(passed.map(({ name }) => name).join(" ")).toBe(names);
});

test.each<[Record<string, string[]>, string]>([
  [{ type: ["mine"] }, "invalid filter: 'type'='mine'"],
  [{ dangling: ["true", "false"] }, 'got more than one value for filter key "dangling"'],
  [{ name: ["("] }, 'error parsing regexp "("'],
  [{ dangling: ["maybe"] }, "invalid value for filter 'dangling'"],
])("the filters %j are refused", (filters, words) => {
  expect(() => filterNetworks(networks, new Map(Object.entries(filters)), isUsed)).toThrow(words);
});

test("prune leaves what every engine has, templates, what is younger and what labels keep", () => {
  const prunable = (network: Network, filters: Record<string, string[]> = {}): boolean =>
    isPrunable(network, new Map(Object.entries(filters)), Date.parse("2026-02-01T00:00:00Z"));
  const own = sampleNetwork([], { name: "own", labels: { keep: "" } });
  expect(prunable(own)).toBe(true);
  expect(prunable({ ...own, name: "bridge" })).toBe(false);
  expect(prunable({ ...own, configOnly: true })).toBe(false);
  expect(prunable(own, { until: ["2026-01-02T00:00:00Z"] })).toBe(false);
  expect(prunable(own, { until: ["24h"] })).toBe(true);
  expect(prunable(own, { "label!": ["keep"] })).toBe(false);
  expect(prunable(own, { label: ["other"] })).toBe(false);
});
