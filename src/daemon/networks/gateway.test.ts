import { expect, test } from "bun:test";
import { chooseGateways, type GatewayCandidate } from "./gateway.ts";

function candidate(network: string, changes: Partial<GatewayCandidate> = {}): GatewayCandidate {
  const endpoint = { gateway: "10.0.0.1", gateway6: "" };
  return { network, internal: false, priority: 0, endpoint, ...changes };
}

test("without priorities the name that comes first is the way out", () => {
  expect(chooseGateways([candidate("b"), candidate("a")])).toEqual({ ipv4: "a", ipv6: undefined });
});

test("a priority counts more than anything", () => {
  const chosen = chooseGateways([candidate("a"), candidate("b", { priority: 1 })]);
  expect(chosen.ipv4).toBe("b");
});

test("an internal network is no way out, however high its priority", () => {
  const internal = candidate("a", {
    internal: true,
    priority: 9,
    endpoint: { gateway: "", gateway6: "" },
  });
  expect(chooseGateways([internal, candidate("b")]).ipv4).toBe("b");
});

test("each family has a way out of its own; who leads out by both comes first", () => {
  const both = candidate("z", { endpoint: { gateway: "10.0.0.1", gateway6: "fd00::1" } });
  expect(chooseGateways([candidate("a"), both])).toEqual({ ipv4: "z", ipv6: "z" });
  const six = candidate("z", { endpoint: { gateway: "", gateway6: "fd00::1" } });
  expect(chooseGateways([candidate("a"), six])).toEqual({ ipv4: "a", ipv6: "z" });
});
