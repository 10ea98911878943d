/** Containers that have IPv6 off, in networks that have it. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { on, usePlaces } from "../support/places.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { network, run, settings, connect, inside, clear } = usePlaces(stage);

beforeEach(async () => {
  await network("dual", "10.83.0.0/24", { EnableIPv6: true });
});
afterEach(clear);

const everywhere = { Sysctls: { "net.ipv6.conf.all.disable_ipv6": "1" } };
const own = {
  DriverOpts: { "com.docker.network.endpoint.sysctls": "net.ipv6.conf.IFNAME.disable_ipv6=1" },
};

async function expectIpv4Alone(name: string): Promise<void> {
  const place = (await settings(name)).Networks.dual;
  expect(place).toMatchObject({ GlobalIPv6Address: "", GlobalIPv6PrefixLen: 0, IPv6Gateway: "" });
  expect(place.IPAddress).toStartWith("10.83.0.");
  expect(await inside(name, "ip", "addr", "show", "dev", "eth0")).not.toContain("inet6");
}

test("a container with IPv6 off has no IPv6 address in a network, and no name leads to one", async () => {
  const { HostConfig, NetworkingConfig } = on("dual");
  await run("off", { HostConfig: { ...HostConfig, ...everywhere }, NetworkingConfig });
  await run("onlooker", on("dual"));
  await expectIpv4Alone("off");
  expect((await settings("onlooker")).Networks.dual.GlobalIPv6Address).toStartWith("fd");
  const answered = await inside("onlooker", "nslookup", "off");
  expect(answered).toContain("10.83.0.");
  expect(answered).not.toContain("fd");
});

test("the same holds for a network that it joins while it runs", async () => {
  await network("first");
  await run("other", { HostConfig: { NetworkMode: "first", ...everywhere } });
  expect((await connect("dual", "other")).status).toBe(200);
  expect((await settings("other")).Networks.dual.GlobalIPv6Address).toBe("");
  expect(await inside("other", "ip", "addr")).not.toContain("inet6");
});

test("IPv6 is off for one interface alone", async () => {
  await run("one", on("dual", { dual: own }));
  await expectIpv4Alone("one");
  expect(await inside("one", "ip", "addr", "show", "dev", "lo")).toContain("inet6 ::1");
});
