import { expect, test } from "bun:test";
import { findPort, listPorts } from "./port.ts";

const ports = {
  "443/tcp": [{ HostIp: "0.0.0.0", HostPort: "8443" }],
  "80/udp": null,
  "80/tcp": [
    { HostIp: "::", HostPort: "8080" },
    { HostIp: "0.0.0.0", HostPort: "18080" },
    { HostIp: "0.0.0.0", HostPort: "8080" },
  ],
};

test("listPorts sorts its lines, numbers by their value", () => {
  expect(listPorts(ports)).toEqual([
    "80/tcp -> 0.0.0.0:8080",
    "80/tcp -> 0.0.0.0:18080",
    "80/tcp -> [::]:8080",
    "443/tcp -> 0.0.0.0:8443",
  ]);
});

test("findPort shows where one port is published, of tcp unless told", () => {
  expect(findPort(ports, "80", "web")).toEqual(["0.0.0.0:8080", "0.0.0.0:18080", "[::]:8080"]);
  expect(findPort(ports, "443/TCP", "web")).toEqual(["0.0.0.0:8443"]);
  expect(() => findPort(ports, "80/udp", "web")).toThrow(
    "Error: No public port '80/udp' published for web",
  );
  expect(() => findPort(ports, "0", "web")).toThrow("invalid port: 0");
});
