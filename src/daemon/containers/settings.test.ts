import { expect, test } from "bun:test";
import type { ContainerConfig, HostConfig } from "../../api/types.ts";
import { checkSettings } from "./settings.ts";

const refused: [string, ContainerConfig, HostConfig, string][] = [
  ["a variable without a name", { Env: ["A=1", "=x"] }, {}, "invalid environment variable: =x"],
  ["a hostname with a line of its own", { Hostname: "a\n127.0.0.1 b" }, {}, "invalid hostname"],
  [
    "a hostname that the kernel does not take",
    { Hostname: "é".repeat(33) },
    {},
    "invalid hostname",
  ],
  ["a domain with a space", { Domainname: "a b" }, {}, "invalid domainname"],
  ["a user beyond all numbers", { User: "4294967296" }, {}, "range 0-2147483647"],
  ["a negative group", { User: "0:-1" }, {}, "range 0-2147483647"],
  ["a user of two lines", { User: "a\nb" }, {}, "invalid user"],
  ["a directory that is relative", { WorkingDir: "tmp" }, {}, "needs to be an absolute path"],
  ["a port that is none", { ExposedPorts: { x: {} } }, {}, "invalid port specification"],
  ["a port beyond all", { ExposedPorts: { "65536/tcp": {} } }, {}, "invalid port specification"],
  ["ports backwards", { ExposedPorts: { "9-8/tcp": {} } }, {}, "invalid port specification"],
  ["an inherited name as a port", { ExposedPorts: { constructor: {} } }, {}, "invalid port"],
  ["a host of two lines", {}, { ExtraHosts: ["a\nb:1.1.1.1"] }, "bad format for add-host: "],
  [
    "a host without a name",
    {},
    { ExtraHosts: [":1.1.1.1"] },
    'bad format for add-host: ":1.1.1.1"',
  ],
  ["a host without an address", {}, { ExtraHosts: ["a:::::"] }, 'address in add-host: "::::"'],
  [
    "an address of two lines",
    {},
    { ExtraHosts: ["a:1.1.1.1\n"] },
    "invalid IP address in add-host",
  ],
  ["a name server by name", {}, { Dns: ["dns.example"] }, "bad nameserver address"],
  ["a search domain of two lines", {}, { DnsSearch: ["a\noptions x"] }, "invalid word"],
  [
    "another isolation",
    {},
    { Isolation: "hyperv" as never },
    "invalid isolation 'hyperv' on linux",
  ],
  ["an annotation without a name", {}, { Annotations: { "": "x" } }, "empty string"],
];

test("what a start would stumble over is refused", () => {
  for (const [what, config, host, words] of refused)
    expect(() => checkSettings(config, host), what).toThrow(words);
});

test("what Docker takes is taken", () => {
  checkSettings(
    {
      ...{ Env: ["A=1", "B", "C="], Hostname: "my_host.example", User: "app:staff" },
      ...{ WorkingDir: "/srv", ExposedPorts: { "80/tcp": {}, "53": {}, "1-2/udp": {} } },
    },
    {
      ExtraHosts: ["a:1.1.1.1", "b:host-gateway", "c=::1", "e:2001:db8::1"],
      ...{ Dns: ["1.1.1.1", "::1"], DnsSearch: ["."], DnsOptions: ["ndots:2"] },
      ...{ GroupAdd: ["staff", "0"], CgroupParent: "/a/b", Annotations: { a: "" } },
    },
  );
});
