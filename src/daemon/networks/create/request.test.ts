import { expect, test } from "bun:test";
import { parseNetworkRequest } from "./request.ts";

test("what a request leaves out is empty", () => {
  expect(parseNetworkRequest({ Name: "n", IPAM: { Config: [{ Subnet: "10.0.0.0/8" }] } })).toEqual({
    ...{ name: "n", driver: "", scope: "", configFrom: "" },
    ...{ enableIpv4: undefined, enableIpv6: undefined },
    ...{ internal: false, attachable: false, ingress: false, configOnly: false },
    ...{ options: {}, labels: {} },
    ipam: {
      ...{ driver: "", options: null },
      pools: [{ subnet: "10.0.0.0/8", range: "", gateway: "", auxiliary: {} }],
    },
  });
});

test("null is as good as left out", () => {
  const body = {
    Name: "n",
    Options: null,
    IPAM: { Config: null, Options: null },
    ConfigFrom: null,
  };
  expect(parseNetworkRequest(body)).toEqual(parseNetworkRequest({ Name: "n" }));
});

test.each([
  [{ Labels: { a: 1 } }, "Labels"],
  [{ EnableIPv6: "yes" }, "EnableIPv6"],
  [{ IPAM: { Config: [{ Subnet: 10 }] } }, "IPAM.Config.0.Subnet"],
  [{ IPAM: { Config: ["10.0.0.0/8"] } }, "IPAM.Config"],
  [{ ConfigFrom: "other" }, "ConfigFrom"],
])("%j is refused for its field %s", (body, field) => {
  expect(() => parseNetworkRequest({ Name: "n", ...body })).toThrow(`field "${field}"`);
});
