import { expect, test } from "bun:test";
import { buildPublishChanges, comparePorts, toPorts } from "./publish-changes.ts";

test("buildPublishChanges takes what -p takes, of which a part may be named to go", () => {
  expect(buildPublishChanges([], [])).toBeUndefined();
  expect(buildPublishChanges(["8080:80", "[::1]::80", "53/udp"], [])).toEqual({
    PublishAdd: {
      "80/tcp": [
        { HostIp: "", HostPort: "8080" },
        { HostIp: "::1", HostPort: "" },
      ],
      "53/udp": [{ HostIp: "", HostPort: "" }],
    },
  });
  expect(
    buildPublishChanges([], ["80", "53/UDP", "8000-8001:80-81", "[::1]:9:90", "127.0.0.1:7:7"]),
  ).toEqual({
    PublishRemove: [
      ...["80/tcp", "53/udp", "8000:80/tcp", "8001:81/tcp", "[::1]:9:90/tcp", "127.0.0.1:7:7/tcp"],
    ],
  });
});

test("buildPublishChanges refuses what -p refuses", () => {
  expect(() => buildPublishChanges(["a:80"], [])).toThrow("invalid hostPort: a");
  expect(() => buildPublishChanges([], ["80/icmp"])).toThrow("invalid proto: icmp");
});

test("toPorts shows what will be published of a container that does not run", () => {
  const asked = { "80/tcp": [{ HostIp: "", HostPort: "8080" }, {}], "53/udp": null };
  expect(toPorts(asked)).toEqual({
    "80/tcp": [
      { HostIp: "0.0.0.0", HostPort: "8080" },
      { HostIp: "0.0.0.0", HostPort: "0" },
    ],
    "53/udp": [],
  });
});

test("comparePorts tells what has gone and what has come", () => {
  const at = (HostPort: string, HostIp = "0.0.0.0") => [{ HostIp, HostPort }];
  const before = { "80/tcp": at("8080"), "81/tcp": at("8081") };
  expect(comparePorts(before, { "81/tcp": at("8081"), "53/udp": at("32768", "::") })).toEqual([
    "unpublished 80/tcp -> 0.0.0.0:8080",
    "published 53/udp -> [::]:32768",
  ]);
  expect(comparePorts(before, before)).toEqual([]);
});
