/** Networks whose addresses others know the way to, and networks without the host. */
import { afterEach, expect, test } from "bun:test";
import { worldAddresses } from "../support/hosts.ts";
import { useMembers } from "../support/members.ts";

const members = useMembers();
const mode = (family: 4 | 6): string => `com.docker.network.bridge.gateway_mode_ipv${family}`;

afterEach(async () => {
  await members().clear();
});

test("of a network with one routed family other hosts reach published ports by that family", async () => {
  const { far } = members().hosts;
  await members().network("half", { ipv6: true, options: { [mode(6)]: "routed" } });
  const web = await members().member("web", { network: "half", ports: ["8080:80"] });
  for (const port of [80, 81])
    for (const address of ["0.0.0.0", "::"]) await web.envoy.serve("web", { address, port });
  const timeout = 1500;
  const call = (address: string, port: number) => far.envoy.call({ address, port, timeout });

  expect((await call(web.ipv6, 80)).seen).toBe(far.ipv6);
  await expect(call(worldAddresses.ipv6, 8080)).rejects.toThrow();
  expect((await call(worldAddresses.ipv4, 8080)).seen).toBe(far.ipv4);
  for (const [address, port] of [
    [web.ipv6, 81],
    [web.ipv4, 80],
  ] as const)
    await expect(call(address, port)).rejects.toThrow();

  const seen = { ipv4: worldAddresses.ipv4, ipv6: web.ipv6 };
  for (const family of ["ipv4", "ipv6"] as const) {
    const port = await far.envoy.serve("far", { address: far[family] });
    expect((await web.envoy.call({ address: far[family], port })).seen).toBe(seen[family]);
  }
});

test("a routed network publishes no port of the host, and what is published can be changed", async () => {
  const { daemon, world, hosts } = members();
  await members().network("known", { options: { [mode(4)]: "routed" } });
  const web = await members().member("web", { network: "known", ports: ["8080:80", "8082:80"] });
  // Nobody has the number.
  const other = await members().member("other", { network: "known", ports: ["8080:80"] });
  for (const port of [80, 81]) await web.envoy.serve("web", { address: "0.0.0.0", port });
  await other.envoy.serve("other", { address: "0.0.0.0", port: 80 });
  const call = (address: string, port: number) =>
    hosts.far.envoy.call({ address, port, timeout: 1500 });
  const ports = async () =>
    await world.rtOutput(["inspect", "-f", "{{json .NetworkSettings.Ports}}", web.id]);
  expect(JSON.parse(await ports())).toEqual({ "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "" }] });
  expect((await call(other.ipv4, 80)).server).toBe("other");
  await world.rtOutput(["update", "--publish-add", "8081:81", "--publish-rm", "8080:80", web.id]);
  expect((await call(web.ipv4, 81)).server).toBe("web");
  expect((await call(web.ipv4, 80)).server).toBe("web");
  await daemon.kill();
  await world.daemon();
  await world.rtOutput(["update", "--publish-rm", "8082:80", web.id]);
  await expect(call(web.ipv4, 80)).rejects.toThrow();
  expect((await call(web.ipv4, 81)).server).toBe("web");
  const left = { "80/tcp": null, "81/tcp": [{ HostIp: "0.0.0.0", HostPort: "" }] };
  expect(JSON.parse(await ports())).toEqual(left);
});

test("on an isolated network containers have each other, and not even the host", async () => {
  const options = { [mode(4)]: "isolated", [mode(6)]: "isolated" };
  await members().network("alone", { ipv6: true, internal: true, options });
  const web = await members().member("web", { network: "alone" });
  const neighbour = await members().member("neighbour", { network: "alone" });
  for (const family of ["ipv4", "ipv6"] as const) {
    const port = await web.envoy.serve("web", { address: web[family] });
    const place = { address: web[family], port, timeout: 1500 };
    expect((await neighbour.envoy.call(place)).seen).toBe(neighbour[family]);
    await expect(members().hosts.world.call(place)).rejects.toThrow();
  }
});
