import { describe, expect, test } from "bun:test";
import {
  addRecords,
  buildHosts,
  extraRecords,
  moveRecords,
  ownRecords,
  removeRecords,
} from "./hosts.ts";

describe("buildHosts", () => {
  test("what was added comes before the container's own addresses", () => {
    const text = buildHosts([
      ...extraRecords(["db:10.0.0.5", "host=host-gateway", "six:2001:db8::1"], ["172.17.0.1"]),
      ...ownRecords("web", "example.org", ["172.17.0.2", "fd00::2"]),
    ]);
    expect(text).toStartWith("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    expect(text).toEndWith(
      "10.0.0.5\tdb\n172.17.0.1\thost\n2001:db8::1\tsix\n" +
        "172.17.0.2\tweb.example.org web\nfd00::2\tweb.example.org web\n",
    );
  });
});

test("buildHosts leaves IPv6 out where it is switched off", () => {
  expect(buildHosts(ownRecords("web", "", ["10.0.0.1", "fd00::1"]), false)).toBe(
    "127.0.0.1\tlocalhost\n10.0.0.1\tweb\n",
  );
});

test("ownRecords take a hostname with dots apart too", () => {
  expect(ownRecords("web.lan", "", ["10.0.0.1"])).toEqual([
    { address: "10.0.0.1", names: "web.lan web" },
  ]);
  expect(ownRecords("web", "", ["10.0.0.1"])).toEqual([{ address: "10.0.0.1", names: "web" }]);
});

test("extraRecords give host-gateway an address of each family", () => {
  const records = extraRecords(["host:host-gateway"], ["172.17.0.1", "fd00::1"]);
  expect(records.map(({ address }) => address)).toEqual(["172.17.0.1", "fd00::1"]);
});

describe("records that come and go", () => {
  const own = ownRecords("web", "", ["10.0.0.1"]);

  test("leave everything else as it is", () => {
    const text = "# mine\n\n10.0.0.1\tweb other\n10.0.0.1\tweb\n";
    expect(removeRecords(text, own)).toBe("# mine\n\n10.0.0.1\tweb other\n");
    expect(removeRecords("no end", own)).toBe("no end");
    expect(addRecords("no end", own)).toBe("no end\n10.0.0.1\tweb\n");
    expect(removeRecords(addRecords(text, own), own)).toBe(removeRecords(text, own));
    expect(addRecords("", [])).toBe("");
  });
});

test("moveRecords changes the address of a name, of one family, and nothing else", () => {
  const text = "10.0.0.1\tdb box\nfd00::1\tdb box\n10.0.0.1\tdb\n";
  expect(moveRecords(text, [{ address: "10.0.0.9", names: "db box" }])).toBe(
    "10.0.0.9\tdb box\nfd00::1\tdb box\n10.0.0.1\tdb\n",
  );
  expect(moveRecords(text, [])).toBe(text);
});
