import { expect, test } from "bun:test";
import type { ForeignDrop } from "../../native-types/native.ts";
import { describeDrop, warnOfFirewalls } from "./firewalls.ts";
import { sampleNetwork } from "./sample.ts";

const iptables: ForeignDrop = {
  family: "ip",
  table: "filter",
  chain: "FORWARD",
  bridges: ["br-a"],
};

test("describeDrop names the place and how to open it", () => {
  expect(describeDrop(iptables)).toBe(
    "the firewall chain FORWARD (table ip filter) drops what is forwarded and does not name br-a: published ports " +
      "and the way out may be closed; to open them: " +
      "iptables -I FORWARD -i br-a -j ACCEPT && iptables -I FORWARD -o br-a -j ACCEPT",
  );
  const nft = describeDrop({ ...iptables, family: "inet", table: "mine", chain: "fwd" });
  expect(nft).toEndWith(
    "nft insert rule inet mine fwd iifname br-a accept && nft insert rule inet mine fwd oifname br-a accept",
  );
});

test("warnOfFirewalls tells of IPv6 only where a network has it, and asks for bridges alone", async () => {
  const asked: string[][] = [];
  const native = {
    findForeignDrops: async (bridges: string[]) => {
      asked.push(bridges);
      return [{ ...iptables, family: "ip6" as const, bridges }];
    },
  };
  const four = sampleNetwork([{ subnet: "172.30.0.0/16" }]);
  expect(await warnOfFirewalls(native, [{ ...four, driver: "macvlan" }])).toEqual([]);
  expect(asked).toEqual([]);
  expect(await warnOfFirewalls(native, [four])).toEqual([]);
  expect(await warnOfFirewalls(native, [{ ...four, enableIpv6: true }])).toHaveLength(1);
});
