import { expect, test } from "bun:test";
import { createOutside, removeOutside } from "../support/outside.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

async function said(script: string, flags: string[] = []): Promise<string> {
  const ran = await stage().sh(script, flags);
  if (ran.code !== 0) throw new Error(`exited with ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trimEnd();
}

test("on the bridge a container has an address, a route and its neighbours", async () => {
  const { world } = stage();
  const serve = "while :; do echo from a | nc -l -p 7001; done";
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", serve]);
  const address = await world.rtOutput([
    "inspect",
    "-f",
    "{{.NetworkSettings.Networks.bridge.IPAddress}}",
    id,
  ]);
  expect(address).toMatch(/^172\.17\.0\.\d+$/);
  const ask = `for i in $(seq 50); do nc ${address} 7001 && break; sleep 0.1; done`;
  expect(await said(ask)).toBe("from a");
  expect(await said("ip route | head -n 1")).toBe("default via 172.17.0.1 dev eth0");
  await world.rtOutput(["rm", "-f", id]);
});

test("from the bridge the outside is reached under the host's own address", async () => {
  const { world } = stage();
  const outside = await createOutside(world);
  expect(await said(`nc ${outside.address} ${outside.port}`)).toBe(outside.worldAddress);
  await removeOutside(world);
});

test("the gateway is the host, which a container reaches", async () => {
  const { world } = stage();
  const server = world.spawn([
    ...["busybox", "nc", "-l", "-p", "7002", "-e", "echo", "from the host"],
  ]);
  const ask = "for i in $(seq 50); do nc 172.17.0.1 7002 && break; sleep 0.1; done";
  expect(await said(ask)).toBe("from the host");
  await server.finished();
});

test("/etc/hosts names the container, /etc/hostname too, /etc/resolv.conf has a server", async () => {
  const text = await said(
    "hostname; cat /etc/hostname; cat /etc/hosts; echo --; cat /etc/resolv.conf",
    ["--hostname", "box", "--add-host", "db:10.1.2.3"],
  );
  const [names = "", resolv = ""] = text.split("--\n");
  const lines = names.split("\n");
  expect(lines.slice(0, 2)).toEqual(["box", "box"]);
  expect(lines).toContain("127.0.0.1\tlocalhost");
  expect(lines).toContain("10.1.2.3\tdb");
  expect(names).toMatch(/^172\.17\.0\.\d+\tbox$/m);
  expect(resolv).toMatch(/^nameserver (?!127\.)/m);
});

test("with --network none there is the loopback alone", async () => {
  expect(
    await said(
      "ls /sys/class/net; cat /sys/class/net/lo/operstate; ping -c 1 -q 127.0.0.1 >/dev/null && echo up",
      ["--network", "none"],
    ),
  ).toMatch(/^lo\n\w+\nup$/);
});

test("with --network host the container has the host's interfaces and name", async () => {
  const { world } = stage();
  const outside = await world.run(["sh", "-c", "hostname; readlink /proc/self/ns/net"]);
  expect(await said("hostname; readlink /proc/self/ns/net", ["--network", "host"])).toBe(
    outside.stdout.trimEnd(),
  );
});

test("ports below 1024 and ping are free to a container's user", async () => {
  expect(
    await said(
      "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; cat /proc/sys/net/ipv4/ping_group_range",
    ),
  ).toMatch(/^0\n0\s+2147483647$/);
});

test("no end of a wire is left on the host when containers are gone", async () => {
  const { world } = stage();
  // The daemon may keep one ready for the next container, but no more than that.
  for (let round = 0; round < 3; round += 1) await said("true");
  await until("the wires to be gone", async () => {
    const links = await world.namespace.links();
    return links.filter((name) => !/^(lo|rt0.*)$/.test(name)).length <= 1;
  });
});

test("a network that is not there is refused", async () => {
  const ran = await stage().sh("true", ["--network", "no-such-network"]);
  expect(ran.code).toBe(125);
  expect(ran.stderr).toContain("network no-such-network not found");
});
