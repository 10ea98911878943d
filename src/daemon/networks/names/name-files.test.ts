import { expect, test } from "bun:test";
import { buildNetworkFile, buildResolverFile, memberLine, namesIn } from "./name-files.ts";

const container = { id: "0c1d2e3f4a5b".padEnd(64, "0"), name: "Web", config: { Hostname: "box" } };

test("namesIn: name, aliases, short id and hostname, each once, if they can be asked for", () => {
  expect(namesIn(container, ["WWW", "web", "two words", "lined\nup", "café"])).toEqual([
    ...["web", "www", "0c1d2e3f4a5b", "box"],
  ]);
});

test("a network's file has a line for each container", () => {
  const lines = [
    memberLine({ address: "172.18.0.2", address6: "" }, ["web", "www"]),
    memberLine({ address: "", address6: "fd00::2" }, ["six"]),
  ];
  expect(buildNetworkFile(lines)).toBe("rt-names 1\n172.18.0.2 - web www\n- fd00::2 six\n");
});

test("a container's file has its networks, links and servers", () => {
  const text = buildResolverFile({
    networks: [
      { name: "Back", path: "/run/rt/networks/4f" },
      { name: "a b\nserver 192.0.2.66", path: "/run/rt/networks/5a" },
    ],
    links: [
      { network: "Back", alias: "DB", name: "postgres" },
      { network: "Back", alias: "a b", name: "c" },
    ],
    upstreams: [
      { address: "10.0.0.1", byHost: false },
      { address: "127.0.0.53", byHost: true },
    ],
    choseNdots: true,
    reachesOutside: true,
  });
  expect(text.split("\n")).toEqual([
    "rt-names 1",
    "network back /run/rt/networks/4f",
    "network - /run/rt/networks/5a",
    "link back db postgres",
    "server 10.0.0.1",
    "server 127.0.0.53 host",
    "ndots",
    "outside",
    "",
  ]);
});
