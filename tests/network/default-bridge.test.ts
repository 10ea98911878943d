/** The default bridge as the daemon's flags want it, seen from a container. */
import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";

const stage = useStage({
  flags: [
    ...["--bip", "10.7.0.9/24", "--fixed-cidr", "10.7.0.128/25", "--default-gateway", "10.7.0.2"],
    ...["--ipv6", "--bip6", "fd00:7::9/64", "--fixed-cidr-v6", "fd00:7::8000/113"],
    ...["--mtu", "1400", "--icc=false"],
  ],
});

test("a container has its addresses from the ranges, and the other gateway", async () => {
  const script = "ip addr show dev eth0; ip route; ip -6 route; cat /sys/class/net/eth0/mtu";
  const { stdout } = await stage().sh(script);
  expect(stdout).toContain("inet 10.7.0.128/24");
  expect(stdout).toContain("default via 10.7.0.2");
  expect(stdout).toContain("inet6 fd00:7::8000/64");
  expect(stdout).toContain("default via fd00:7::9");
  expect(stdout).toEndWith("1400\n");
});

test("without traffic between containers they have the host alone", async () => {
  const { world } = stage();
  const serve = "while :; do echo here | nc -l -p 7; done";
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", serve]);
  const format = "{{.NetworkSettings.Networks.bridge.IPAddress}}";
  const address = await world.rtOutput(["inspect", "-f", format, id]);
  const answer = async (): Promise<string> =>
    (await world.run(["timeout", "2", "busybox", "nc", address, "7"])).stdout;
  for (let round = 0; round < 50 && (await answer()) === ""; round++) await Bun.sleep(100);
  expect(await answer()).toBe("here\n");
  const asked = await stage().sh(`timeout 2 nc ${address} 7 || echo silence`);
  expect(asked.stdout).toBe("silence\n");
  await world.rtOutput(["rm", "-f", id]);
});
