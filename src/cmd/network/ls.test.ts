import { expect, test } from "bun:test";
import { formatList } from "../../cli/format.ts";
import { headers, toRow } from "./ls.ts";

const network = {
  Name: "front",
  Id: "0123456789abcdef".repeat(4),
  Created: "2026-01-02T03:04:05.120000000Z",
  Scope: "local",
  Driver: "bridge",
  EnableIPv4: true,
  EnableIPv6: false,
  IPAM: { Driver: "default", Options: null, Config: [] },
  Internal: false,
  Attachable: false,
  Ingress: false,
  ConfigFrom: { Network: "" },
  ConfigOnly: false,
  Options: {},
  Labels: { b: "2", a: "1" },
};

test("toRow is the row that Docker prints as JSON", () => {
  const json = formatList([toRow(network, true)], {
    ...{ format: "json", quiet: false, table: "", headers },
  });
  expect(json).toBe(
    '{"CreatedAt":"2026-01-02 03:04:05.12 +0000 UTC","Driver":"bridge","ID":"0123456789ab",' +
      '"IPv4":"true","IPv6":"false","Internal":"false","Labels":"a=1,b=2","Name":"front",' +
      '"Scope":"local"}\n',
  );
});

test("toRow shows when a network was created as Go prints times", () => {
  const created = (Created: string) => toRow({ ...network, Created }, true).CreatedAt;
  expect(created("2026-01-02T03:04:05Z")).toBe("2026-01-02 03:04:05 +0000 UTC");
  expect(created("2026-01-02T03:04:05.000000001+02:00")).toBe(
    "2026-01-02 03:04:05.000000001 +0200 +0200",
  );
});

test("toRow gives the whole ID on request", () => {
  expect(toRow(network, false).ID).toBe(network.Id);
});
