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
  const gate = (container: string) => ({ container, host: undefined, routed: false });
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

test("a port that the host does not lead to has no number", () => {
  const direct = published.slice(0, 1).map((port) => ({ ...port, hostPort: 0 }));
  const map = toPortMap(direct);
  expect(map).toEqual({ "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "" }] });
  const gate = { container: direct[0]?.containerAddress ?? "", host: undefined, routed: true };
  expect(toPublished(map, { ipv4: gate, ipv6: undefined })).toEqual(direct);
  expect(toSummaryPorts(toInspectPorts({ bindings: {}, exposed: [] }, map))).toEqual([
    { IP: "0.0.0.0", PrivatePort: 80, Type: "tcp" },
  ]);
});
