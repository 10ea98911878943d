import { expect, test } from "bun:test";
import { warnOfPorts } from "./warnings.ts";

const ports = {
  "80/tcp": [
    { HostIp: "", HostPort: "8080" },
    { HostIp: "::1", HostPort: "8081" },
  ],
};
const four = { name: "bridge", enableIpv6: false };

test("warnOfPorts tells of addresses that lead to no network of the container", () => {
  expect(warnOfPorts("bridge", ports, [four])).toEqual([
    "Port 80/tcp is not published at [::1]:8081: the container has no IPv6 network",
  ]);
  expect(warnOfPorts("bridge", ports, [four, { name: "six", enableIpv6: true }])).toEqual([]);
  expect(warnOfPorts("bridge", {}, [four])).toEqual([]);
});

test("warnOfPorts tells that the host's network has no ports to publish", () => {
  expect(warnOfPorts("host", ports, [])).toEqual([
    "Published ports are discarded when using host network mode",
  ]);
  expect(warnOfPorts("host", {}, [])).toEqual([]);
});
