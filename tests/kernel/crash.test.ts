import { expect, test } from "bun:test";
import type { Daemon } from "../support/daemon.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const lines = 60;
const script = `i=0; while [ $i -lt ${lines} ]; do echo line $i; i=$((i+1)); usleep 5000; done; exit 7`;

interface Inspected {
  Id: string;
  State: { Status: string; ExitCode: number };
}

test("a container goes on while no daemon runs, and the next daemon knows all of it", async () => {
  const { world, daemon, registry } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", script]);
  await daemon.kill();
  const next = await world.daemon({ mirrors: [registry.url] });
  await expectWhole(next, id);
  await world.rtOutput(["rm", id]);
});

test("what ended while no daemon ran has its exit code and its time", async () => {
  const { world, registry } = stage();
  const daemon = world.daemonAlive();
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", "sleep 0.2; exit 9"]);
  await daemon.kill();
  await world.monitorsEnd();
  const next = await world.daemon({ mirrors: [registry.url] });
  const { State } = await next.json<Inspected>(`/containers/${id}/json`);
  expect(State).toMatchObject({ Status: "exited", ExitCode: 9 });
  await world.rtOutput(["rm", id]);
});

test("kill -9 of the daemon at twenty points of `run -d` loses nothing that was acknowledged", async () => {
  const { world, registry } = stage();
  let daemon = world.daemonAlive();
  const acknowledged: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    const client = world.spawnRt([
      "run",
      "-d",
      "--name",
      `round-${round}`,
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    // From before the request to after the answer, which the last rounds wait for on a slow machine too.
    if (round < 17) await Bun.sleep(4 + round * 2.5);
    else await client.finished();
    await daemon.kill();
    const { code, stdout } = await client.finished();
    if (code === 0) acknowledged.push(stdout.trim());
    const from = performance.now();
    daemon = await world.daemon({ mirrors: [registry.url] });
    expect(performance.now() - from).toBeLessThan(2000);
  }
  expect(acknowledged.length).toBeGreaterThanOrEqual(3);
  for (const id of acknowledged) await expectWhole(daemon, id);
  const rest = await daemon.json<{ Id: string; State: string }[]>("/containers/json?all=true");
  for (const { Id, State } of rest) {
    if (State === "created") continue;
    // What was started without an answer runs to its end like any other.
    await expectWhole(daemon, Id);
  }
  await daemon.removeContainers();
}, 120_000);

test("a client that follows the logs of a container gets the rest from the next daemon", async () => {
  const { world, registry } = stage();
  const daemon = world.daemonAlive();
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", script]);
  await daemon.kill();
  await world.daemon({ mirrors: [registry.url] });
  const logs = await world.rt(["logs", "-f", id]);
  expect(logs.stdout).toBe(expected());
  await world.rtOutput(["rm", "-f", id]);
});

/** The container ran to its end: every line once and in order, the exit code exact. */
async function expectWhole(daemon: Daemon, id: string): Promise<void> {
  const wait = await daemon.post(`/containers/${id}/wait`);
  expect(await wait.json()).toMatchObject({ StatusCode: 7 });
  expect(await stage().world.rtOutput(["logs", id])).toBe(expected().trimEnd());
}

function expected(): string {
  return Array.from({ length: lines }, (_, at) => `line ${at}\n`).join("");
}
