import { expect, test } from "bun:test";
import { formatPrefix } from "../address.ts";
import { reservedByRoutes, reservedByServers } from "./reserved.ts";

test("a default route takes nothing, nor do its halves as VPNs set them", () => {
  const routes = ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "172.17.0.0/16"];
  expect(reservedByRoutes(routes).map(formatPrefix)).toEqual(["172.17.0.0/16"]);
});

test("name servers of the host are kept in its reach", () => {
  const text = [
    ...["# nameserver 10.0.0.1", "nameserver 172.17.0.53", "search example.org"],
    ...["\tnameserver fd00::53 # ours", "nameserver fe80::1%eth0", "nameserver", "options a"],
  ].join("\n");
  expect(reservedByServers(text).map(formatPrefix)).toEqual(["172.17.0.53/32", "fd00::53/128"]);
});
