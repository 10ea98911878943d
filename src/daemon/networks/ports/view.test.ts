import { expect, test } from "bun:test";
import type { PublishedPort } from "../../../native-types/net.ts";
import { toInspectPorts, toPortMap, toPublished, toSummaryPorts } from "./view.ts";

const published: PublishedPort[] = [
  {
    ...{ protocol: "tcp", hostAddress: "0.0.0.0", hostPort: 8080 },
    ...{ containerAddress: "172.17.0.2", containerPort: 80 },
  },
  {
    ...{ protocol: "tcp", hostAddress: "::", hostPort: 8080 },
    ...{ containerAddress: "fd00::2", containerPort: 80 },
  },
];

test("a record of published ports leads back to them", () => {
  const map = toPortMap(published);
  expect(map).toEqual({
    "80/tcp": [
      { HostIp: "0.0.0.0", HostPort: "8080" },
      { HostIp: "::", HostPort: "8080" },
    ],
  });
  const gate = (container: string) => ({ container, host: undefined });
  const reach = { ipv4: gate("172.17.0.2"), ipv6: gate("fd00::2") };
  expect(toPublished(map, reach)).toEqual(published);
});

test("inspect and ps show exposed ports too, in their order", () => {
  const wishes = { bindings: { "80/tcp": [] }, exposed: ["443/tcp", "53/udp"] };
  const inspected = toInspectPorts(wishes, toPortMap(published.slice(0, 1)));
  expect(Object.keys(inspected)).toEqual(["443/tcp", "53/udp", "80/tcp"]);
  expect(inspected["53/udp"]).toBeNull();
  expect(toSummaryPorts(inspected)).toEqual([
    { PrivatePort: 443, Type: "tcp" },
    { PrivatePort: 53, Type: "udp" },
    { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
  ]);
});
