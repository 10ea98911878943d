/** Published ports that obey the host's firewall, and firewalls that are told of. */
import { afterEach, expect, test } from "bun:test";
import { putRules, removeForeignRules, ufwLike, ufwLike6 } from "../support/firewalls.ts";
import { worldAddresses } from "../support/hosts.ts";
import { type Member, useMembers } from "../support/members.ts";

const members = useMembers({ flags: ["--publish-policy=respect-firewall"] });

afterEach(async () => {
  await removeForeignRules(members().world);
  await members().clear();
});

async function published(): Promise<Member> {
  await members().network("net", { ipv6: true });
  const web = await members().member("web", { network: "net", ports: ["8080:80"] });
  for (const address of ["0.0.0.0", "::"]) await web.envoy.serve("web", { address, port: 80 });
  return web;
}

const families = ["ipv4", "ipv6"] as const;

test("respect-firewall lets in whom the host's INPUT allows, with the true source, and nobody else", async () => {
  const { world, hosts } = members();
  await published();
  const { far } = hosts;
  const call = (family: (typeof families)[number], timeout: number) =>
    far.envoy.call({ address: worldAddresses[family], port: 8080, timeout });
  for (const family of families) expect((await call(family, 5000)).seen).toBe(far[family]);
  await putRules(world, { ipv4: ufwLike("ACCEPT"), ipv6: ufwLike6("ACCEPT") });
  for (const family of families) await expect(call(family, 1500)).rejects.toThrow();
  const loopback = { address: "127.0.0.1", port: 8080, timeout: 5000 };
  expect((await hosts.world.call(loopback)).seen).not.toBe("");
  const open = [8080];
  await putRules(world, { ipv4: ufwLike("ACCEPT", open), ipv6: ufwLike6("ACCEPT", open) });
  for (const family of families) expect((await call(family, 5000)).seen).toBe(far[family]);
});

test("a firewall that drops what is forwarded is told of in info and when a container is created", async () => {
  const { world } = members();
  await putRules(world, { ipv4: ufwLike("DROP") });
  await members().network("net", {});
  const created = await world.rt(["create", "-p", "8081:80", "--network", "net", "probe"]);
  const told = "the firewall chain FORWARD (table ip filter) drops what is forwarded";
  expect(created.stderr).toContain(told);
  expect((await world.rt(["info"])).stderr).toContain(`WARNING: ${told}`);
});
