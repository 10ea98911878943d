import { expect, test } from "bun:test";
import {
  formatAddress,
  formatPrefix,
  lastOf,
  overlaps,
  parseAddress,
  parseCidr,
  prefixOf,
} from "./address.ts";

test.each([
  ["0.0.0.0", "0.0.0.0"],
  ["255.255.255.255", "255.255.255.255"],
  ["172.17.0.1", "172.17.0.1"],
  ["::", "::"],
  ["::1", "::1"],
  ["FD00:0:0:0:0:0:0:1", "fd00::1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["fd00::", "fd00::"],
  ["::ffff:10.1.2.3", "::ffff:10.1.2.3"],
  ["64:ff9b::10.1.2.3", "64:ff9b::a01:203"],
  ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
])("the address %s is written %s", (text, written) => {
  const address = parseAddress(text);
  expect(address && formatAddress(address.family, address.value)).toBe(written);
});

test.each(["", "1.2.3", "1.2.3.256", "01.2.3.4", "fe80::1%eth0", "::g", "1.2.3.4/8", " 1.2.3.4"])(
  "%j is no address",
  (text) => expect(parseAddress(text)).toBeUndefined(),
);

test.each(["1.2.3.4", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/08", "/8", "x/8"])(
  "%j is no block",
  (text) => expect(parseCidr(text)).toBeUndefined(),
);

test("a block has its bounds, whatever address it was named by", () => {
  const prefix = prefixOf("192.168.17.5/20");
  expect(formatPrefix(prefix)).toBe("192.168.16.0/20");
  expect(formatAddress(4, lastOf(prefix))).toBe("192.168.31.255");
  const wide = prefixOf("fd00:1:2:3:4::/64");
  expect(formatPrefix(wide)).toBe("fd00:1:2:3::/64");
  expect(formatAddress(6, lastOf(wide))).toBe("fd00:1:2:3:ffff:ffff:ffff:ffff");
});

test.each([
  ["10.0.0.0/8", "10.1.0.0/16", true],
  ["10.1.0.0/16", "10.2.0.0/16", false],
  ["10.0.0.0/8", "::/0", false],
  ["::/0", "fd00::/64", true],
  ["fd00::/64", "fd00:0:0:1::/64", false],
])("%s and %s share addresses: %p", (a, b, shared) => {
  expect(overlaps(prefixOf(a), prefixOf(b))).toBe(shared);
  expect(overlaps(prefixOf(b), prefixOf(a))).toBe(shared);
});
