import { expect, test } from "bun:test";
import type { PortPlan } from "../../../native-types/net.ts";
import { hintAtHolder } from "./holder.ts";

interface Asked {
  protocol?: "udp";
  hostAddress?: string;
  hostPorts?: [number, number];
}

const plan = (
  port: number,
  { protocol, hostAddress = "0.0.0.0", hostPorts = [port, port] }: Asked = {},
): PortPlan => ({
  protocol: protocol ?? "tcp",
  hostPorts,
  containerPort: 80,
  at: [{ hostAddress, containerAddress: "172.17.0.2" }],
  direct: false,
});
const at = (HostPort: string, HostIp = "0.0.0.0") => [{ HostIp, HostPort }];
const holders = [
  { name: "web", ports: { "80/tcp": at("8080"), "53/udp": at("53", "127.0.0.1") } },
  { name: "six", ports: { "80/tcp": at("8080", "::1") } },
];

test("hintAtHolder names the container that has the port at an address in the way", () => {
  expect(hintAtHolder([plan(8079), plan(8080)], holders)).toBe(
    "the container web publishes port 8080",
  );
  expect(hintAtHolder([plan(8080, { hostAddress: "127.0.0.1" })], holders)).toContain("web");
  expect(hintAtHolder([plan(53, { protocol: "udp" })], holders)).toContain("web publishes port 53");
  expect(hintAtHolder([plan(8080, { hostAddress: "::" })], holders)).toContain("six");
  expect(hintAtHolder([plan(0, { hostPorts: [8000, 8100] })], holders)).toContain("web");
});

test("hintAtHolder has nothing to say of ports that no container has", () => {
  const free = [
    plan(8081),
    plan(8080, { protocol: "udp" }),
    plan(53, { protocol: "udp", hostAddress: "127.0.0.2" }),
    plan(8080, { hostAddress: "::2" }),
  ];
  for (const each of free) expect(hintAtHolder([each], holders)).toBeUndefined();
});
