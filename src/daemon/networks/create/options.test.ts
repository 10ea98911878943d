import { expect, test } from "bun:test";
import {
  optionNames,
  parseBridgeOptions,
  parseIpvlanOptions,
  parseMacvlanOptions,
} from "./options.ts";

test("a bridge without options is as Docker's", () => {
  expect(parseBridgeOptions({ "com.example.other": "kept" })).toEqual({
    ...{ name: "", icc: true, masquerade: true, inhibitIpv4: false },
    ...{ gatewayMode4: "nat", gatewayMode6: "nat", mtu: 0 },
    ...{ hostBinding: "", hostIpv4: "", hostIpv6: "", interfacePrefix: "eth" },
  });
});

test.each<[string, string, string]>([
  [optionNames.icc, "yes", 'strconv.ParseBool: parsing "yes": invalid syntax'],
  [optionNames.mtu, "big", 'strconv.Atoi: parsing "big": invalid syntax'],
  [optionNames.mtu, "-1", "invalid MTU number: -1"],
  [optionNames.mtu, "67", "invalid MTU number: 67"],
  [optionNames.bridgeName, "a name", "no blanks"],
  [optionNames.bridgeName, "0123456789abcdef", "at most 15 bytes"],
  [optionNames.bridgeName, "a/b", "slashes"],
  [optionNames.bridgeName, "..", "an interface's name"],
  [optionNames.interfacePrefix, "0123456789abc", "at most 12 bytes"],
  [optionNames.hostBinding, "host", "nil ip"],
  [optionNames.hostIpv4, "fd00::1", "nil ip"],
  [optionNames.hostIpv6, "10.0.0.1", "nil ip"],
  [optionNames.gatewayMode4, "open", "unknown gateway mode open"],
  [optionNames.gatewayMode6, "nat-unprotected", "not supported by this engine"],
  [optionNames.trustedInterfaces, "eth1", "not supported by this engine yet"],
])("of a bridge %s=%s is refused", (name, value, words) => {
  expect(() => parseBridgeOptions({ [name]: value })).toThrow(words);
});

test("macvlan and ipvlan have their modes", () => {
  expect(parseMacvlanOptions({})).toEqual({ parent: "", mode: "bridge" });
  expect(parseMacvlanOptions({ parent: "eth0.10", macvlan_mode: "vepa" })).toEqual({
    ...{ parent: "eth0.10", mode: "vepa" },
  });
  expect(parseIpvlanOptions({ ipvlan_mode: "l3s", ipvlan_flag: "private" })).toEqual({
    ...{ parent: "", mode: "l3s", flag: "private" },
  });
  expect(() => parseMacvlanOptions({ macvlan_mode: "l2" })).toThrow(
    "requested macvlan mode 'l2' is not valid, 'bridge' mode is the macvlan driver default",
  );
  expect(() => parseIpvlanOptions({ ipvlan_mode: "bridge" })).toThrow(
    "requested ipvlan mode 'bridge' is not valid, 'l2' mode is the ipvlan driver default",
  );
  expect(() => parseIpvlanOptions({ ipvlan_flag: "x" })).toThrow(
    "requested ipvlan flag 'x' is not valid, 'bridge' is the ipvlan driver default",
  );
  expect(() => parseMacvlanOptions({ parent: "lo" })).toThrow(
    "loopback interface is not a valid macvlan parent link",
  );
});
