/** Names of the very first container, in a run root that has none yet. */
import { expect, test } from "bun:test";
import { withResolvConf } from "../support/fake-dns.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage({ wrapper: withResolvConf("nameserver 10.9.9.9\n") });

test("the first container of all, on two networks, has its names in both", async () => {
  const { world } = stage();
  for (const name of ["one", "two"]) await world.rtOutput(["network", "create", name]);
  const places = ["--network", "one", "--network", "two"];
  await world.rtOutput(["run", "-d", "--name", "web", ...places, "busybox", "sleep", "1000"]);
  for (const name of ["web.one", "web.two"]) {
    const ran = await world.rt(["exec", "web", "ping", "-c", "1", "-w", "5", name]);
    expect([name, ran.code, ran.stderr]).toEqual([name, 0, ""]);
  }
  await world.rtOutput(["rm", "-f", "web"]);
});
