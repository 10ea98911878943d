import { describe, expect, test } from "bun:test";
import { hostKind, inIpv4Block } from "./addresses.ts";

describe("hostKind", () => {
  test("addresses are told apart in whatever spelling a URL gives them", () => {
    const cases: [string, string][] = [
      ["http://127.0.0.1/", "loopback"],
      ["http://127.1/", "loopback"],
      ["http://2130706433/", "loopback"],
      ["http://0x7f.0.0.1/", "loopback"],
      ["http://0/", "loopback"],
      ["http://localhost/", "loopback"],
      ["http://LOCALHOST./", "loopback"],
      ["http://a.localhost/", "loopback"],
      ["http://[::1]/", "loopback"],
      ["http://[::]/", "loopback"],
      ["http://[::ffff:127.0.0.1]/", "loopback"],
      ["http://[64:ff9b::7f00:1]/", "loopback"],
      ["http://169.254.169.254/", "link-local"],
      ["http://[::ffff:169.254.169.254]/", "link-local"],
      ["http://[fe80::1]/", "link-local"],
      ["http://10.1.2.3/", "private"],
      ["http://172.31.0.1/", "private"],
      ["http://172.32.0.1/", "public"],
      ["http://192.168.1.1/", "private"],
      ["http://[fd00:ec2::254]/", "private"],
      ["http://8.8.8.8/", "public"],
      ["http://[2001:db8::1]/", "public"],
      ["http://example.org/", "name"],
    ];
    for (const [url, kind] of cases)
      expect(hostKind(new URL(url).hostname), url).toBe(kind as never);
  });
});

describe("inIpv4Block", () => {
  test("a block holds its addresses and nothing else", () => {
    expect(inIpv4Block("10.0.0.5", "10.0.0.0/24")).toBe(true);
    expect(inIpv4Block("10.0.1.5", "10.0.0.0/24")).toBe(false);
    expect(inIpv4Block("1.2.3.4", "0.0.0.0/0")).toBe(true);
    expect(inIpv4Block("1.2.3.4", "1.2.3.4/32")).toBe(true);
    expect(inIpv4Block("1.2.3.4", "1.2.3.4/33")).toBe(false);
    expect(inIpv4Block("example.org", "0.0.0.0/0")).toBe(false);
  });
});
