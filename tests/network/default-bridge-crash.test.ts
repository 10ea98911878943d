/** The default bridge behind a crash: who ran on it, and who does, is not the same. */
import { expect, test } from "bun:test";
import type { NetworkInspect } from "../../src/api/networks.ts";
import type { Daemon } from "../support/daemon.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage({ flags: ["--bip", "10.11.0.1/24"] });

async function subnetOf(daemon: Daemon): Promise<string | undefined> {
  const { IPAM }: NetworkInspect = await daemon.json("/networks/bridge");
  return IPAM.Config?.[0]?.Subnet;
}

test("new settings wait for containers that run, not for those that a crash has ended", async () => {
  const { world, daemon: first } = stage();
  const flags = ["--bip", "10.12.0.1/24", "--mtu", "1400"];
  await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  await first.kill();
  const second = await world.daemon({ flags });
  expect(await subnetOf(second)).toBe("10.11.0.0/24");
  await second.kill();
  for (const [pid, line] of await world.namespace.processes())
    if (line.includes("rt-monitor")) process.kill(pid, "SIGKILL");
  await world.monitorsEnd();
  const third = await world.daemon({ flags });
  expect(await subnetOf(third)).toBe("10.12.0.0/24");
  const script = "ip route; cat /sys/class/net/eth0/mtu; ping -c 1 -w 5 10.12.0.1";
  const { stdout, code } = await stage().sh(script);
  expect(stdout).toContain("default via 10.12.0.1");
  expect(stdout).toContain("\n1400\n");
  expect(code).toBe(0);
  const { stdout: host } = await world.run(["ip", "-4", "addr"]);
  expect(host).not.toContain("10.11.0.");
});
