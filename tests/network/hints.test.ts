import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";

const stage = useStage();

test("a network that is not there is told with those that are, and costs no pull", async () => {
  const { world } = stage();
  const lost = await world.rt(["network", "rm", "frnt"]);
  expect(lost.stderr).toBe(
    "Error response from daemon: network frnt not found\nhint: there are bridge, host and none\n",
  );
  const run = await world.rt(["run", "--rm", "--network", "frnt", "busybox", "true"]);
  expect(run.code).toBe(125);
  expect(run.stderr).toStartWith(
    "rt: Error response from daemon: network frnt not found\nhint: there are bridge, host and none\n",
  );
});

test("a port that a container has is refused with that one's name", async () => {
  const { world } = stage();
  const sleep = ["busybox", "sleep", "1000"];
  await world.rtOutput(["run", "-d", "--name", "first", "-p", "8200:80", ...sleep]);
  const refused = await world.rt(["run", "--rm", "-p", "127.0.0.1:8200:80", "busybox", "true"]);
  expect(refused.code).toBe(125);
  expect(refused.stderr).toContain(
    "Bind for 127.0.0.1:8200 failed: port is already allocated\nhint: the container first publishes port 8200\n",
  );
  await world.rtOutput(["run", "-d", "--name", "second", ...sleep]);
  const update = await world.rt(["update", "--publish-add", "8200:1", "second"]);
  expect(update.code).toBe(1);
  expect(update.stderr).toEndWith("\nhint: the container first publishes port 8200\n");
  await world.rtOutput(["rm", "-f", "first", "second"]);
});

test("a port that another program has is refused with a way to find that", async () => {
  const { world, registry } = stage();
  const port = new URL(registry.url).port;
  const refused = await world.rt(["run", "--rm", "-p", `${port}:80`, "busybox", "true"]);
  expect(refused.stderr).toContain(
    ": address already in use\nhint: another program of this host has the port: `ss -lntup` shows which\n",
  );
});

test("a port at an IPv6 address of a container without IPv6 is told to be left out", async () => {
  const { world } = stage();
  const made = await world.rt(["create", "--name", "four", "-p", "[::1]:8301:80", "busybox"]);
  expect(made.stderr).toBe(
    "WARNING: Port 80/tcp is not published at [::1]:8301: the container has no IPv6 network\n",
  );
  await world.rtOutput(["rm", "four"]);
});

test("an address that cannot be asked for is refused with those that can", async () => {
  const { world } = stage();
  await world.rtOutput(["network", "create", "--subnet", "10.2.0.0/24", "chosen"]);
  await world.rtOutput(["network", "create", "given"]);
  const create = async (network: string) =>
    (await world.rt(["create", "--network", network, "--ip", "10.3.0.1", "busybox"])).stderr;
  expect(await create("chosen")).toContain("\nhint: the network chosen has 10.2.0.0/24\n");
  expect(await create("given")).toContain(
    "\nhint: a network that is created with --subnet has addresses to choose from\n",
  );
  await world.rtOutput(["network", "rm", "chosen", "given"]);
});

test("a subnet that overlaps another network's is refused with that one's name", async () => {
  const { world } = stage();
  await world.rtOutput(["network", "create", "--subnet", "10.1.0.0/16", "back"]);
  const refused = await world.rt(["network", "create", "--subnet", "10.1.4.0/24", "more"]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toEndWith("\nhint: the network back has 10.1.0.0/16\n");
  await world.rtOutput(["network", "rm", "back"]);
});
