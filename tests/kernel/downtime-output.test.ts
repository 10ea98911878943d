/**
 * Containers that print while the daemon is killed and away: nothing is lost of them. 20 containers and 3 s
 * by default, 100 containers and 30 s with RT_FULL=1.
 */
import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();
const isFull = process.env.RT_FULL === "1";
const count = isFull ? 100 : 20;
const downMs = isFull ? 30_000 : 3000;

const counter = "i=0; while :; do i=$((i+1)); echo $i; usleep 10000; done";

interface Running {
  Id: string;
  State: { Pid: number; Running: boolean };
}

test(`${count} counting containers go on while the daemon is dead for ${downMs} ms`, async () => {
  const { world, registry } = stage();
  let daemon = world.daemonAlive();
  const inspect = (id: string): Promise<Running> => daemon.json(`/containers/${id}/json`);
  const start = (): Promise<string> =>
    world.rtOutput(["run", "-d", "--network", "none", "busybox", "sh", "-c", counter]);
  const ids: string[] = [];
  while (ids.length < count) ids.push(...(await Promise.all([1, 2, 3, 4, 5].map(start))));
  const pids = (await Promise.all(ids.map(inspect))).map(({ State }) => State.Pid);
  const logOf = async (id: string): Promise<number[]> => {
    const text = await world.rtOutput(["logs", id]);
    return text.split("\n").map(Number);
  };

  await daemon.kill();
  await Bun.sleep(downMs);
  daemon = await world.daemon({ mirrors: [registry.url] });

  const found = await Promise.all(ids.map(inspect));
  expect(found.map(({ State }) => State.Pid)).toEqual(pids);
  expect(found.every(({ State }) => State.Running)).toBe(true);
  for (const id of ids) {
    const numbers = await logOf(id);
    expect(numbers.length).toBeGreaterThan(10);
    expect(numbers).toEqual(numbers.map((_, at) => at + 1));
  }
  // They print on, and can be attached to, worked in and stopped.
  const [first = "", second = ""] = ids;
  const attached = world.spawnRt(["attach", "--no-stdin", first]);
  await attached.prints(/\d+\n\d+\n/);
  attached.kill("SIGKILL");
  expect(await world.rtOutput(["exec", second, "echo", "alive"])).toBe("alive");
  const length = (await logOf(second)).length;
  await until("more output", async () => (await logOf(second)).length > length);
  await Promise.all(ids.map((id) => world.rtOutput(["stop", "-t", "0", id])));
  const ended = await Promise.all(ids.map(inspect));
  expect(ended.some(({ State }) => State.Running)).toBe(false);
}, 300_000);
