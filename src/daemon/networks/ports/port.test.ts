import { expect, test } from "bun:test";
import {
  formatPort,
  parseBindings,
  parseHostAddress,
  parseHostPorts,
  parsePort,
  parsePorts,
} from "./port.ts";

test("parsePort takes a number with or without its protocol", () => {
  expect(parsePort("80")).toEqual({ number: 80, protocol: "tcp" });
  expect(parsePort("53/UDP")).toEqual({ number: 53, protocol: "udp" });
  expect(formatPort(parsePort("9/sctp"))).toBe("9/sctp");
});

test.each(["", "0/tcp", "65536", "80/foo", "80-81/tcp", "x", "80/tcp/udp", "-1", "8 0"])(
  "parsePort refuses %p in Docker's words",
  (text) => {
    expect(() => parsePort(text)).toThrow(`invalid port specification: ${JSON.stringify(text)}`);
  },
);

test("parsePorts lays a range out", () => {
  expect(parsePorts("8000-8002/udp").map(formatPort)).toEqual(["8000/udp", "8001/udp", "8002/udp"]);
  expect(() => parsePorts("9-8")).toThrow("invalid port specification");
});

test("parseHostPorts takes a number, a range and a free choice", () => {
  expect(parseHostPorts("8080")).toEqual([8080, 8080]);
  expect(parseHostPorts("8000-8010")).toEqual([8000, 8010]);
  expect(parseHostPorts("")).toEqual([0, 0]);
  expect(parseHostPorts("0")).toEqual([0, 0]);
  for (const text of ["0-5", "9-8", "65536", "http", "80/tcp"])
    expect(() => parseHostPorts(text)).toThrow("invalid port specification");
});

test("parseHostAddress writes one address in one way", () => {
  expect(parseHostAddress("")).toBe("");
  expect(parseHostAddress("127.0.0.1")).toBe("127.0.0.1");
  expect(parseHostAddress("FD00:0::0:1")).toBe("fd00::1");
  expect(parseHostAddress("::")).toBe("::");
  expect(parseHostAddress("::ffff:192.0.2.1")).toBe("192.0.2.1");
  for (const text of ["localhost", "1.2.3", "fe80::1%eth0", "[::1]"])
    expect(() => parseHostAddress(text)).toThrow("invalid IP address");
});

test("parseBindings joins the spellings of a port and fills in what is left out", () => {
  expect(
    parseBindings({
      "80": [{ HostPort: "8080" }],
      "80/tcp": [{ HostIp: "::1", HostPort: "" }, null],
      "81/tcp": null,
    }),
  ).toEqual({
    "80/tcp": [
      { HostIp: "", HostPort: "8080" },
      { HostIp: "::1", HostPort: "" },
      { HostIp: "", HostPort: "" },
    ],
    "81/tcp": [{ HostIp: "", HostPort: "" }],
  });
  const anywhere = [{ HostIp: "", HostPort: "" }];
  expect(parseBindings({ "80": [], "81/udp": null, "82": [null] })).toEqual({
    ...{ "80/tcp": anywhere, "81/udp": anywhere, "82/tcp": anywhere },
  });
  expect(() => parseBindings({ "80/tcp": [{ HostPort: "70000" }] })).toThrow('"70000"');
});
