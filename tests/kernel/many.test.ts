/** Many containers at once: 100 by default, 500 with RT_FULL=1. Speed is the benchmark's matter; these are ceilings. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const count = process.env.RT_FULL === "1" ? 500 : 100;
const maxPrivateKib = 1024;

test(`${count} sleeping containers: ps, memory and a daemon that starts again`, async () => {
  const { world, registry } = stage();
  let daemon = world.daemonAlive();
  const ids: string[] = [];
  const start = async (): Promise<void> => {
    const created = await daemon.post("/containers/create", {
      Image: "busybox",
      Cmd: ["sleep", "100000"],
    });
    const { Id } = (await created.json()) as { Id: string };
    const started = await daemon.post(`/containers/${Id}/start`);
    if (!started.ok) throw new Error(`start: ${started.status} ${await started.text()}`);
    ids.push(Id);
  };
  for (let made = 0; made < count; made += 10) {
    await Promise.all(Array.from({ length: 10 }, start));
  }
  const listed = async (): Promise<number> =>
    (await daemon.json<unknown[]>("/containers/json")).length;
  const times: number[] = [];
  for (let round = 0; round < 100; round += 1) {
    const from = performance.now();
    expect(await listed()).toBe(count);
    times.push(performance.now() - from);
  }
  times.sort((a, b) => a - b);
  expect(times[98]).toBeLessThan(200);

  const processes = await world.namespace.processes();
  const monitors = [...processes].filter(([, line]) => line.includes("monitor"));
  expect(monitors.length).toBeGreaterThanOrEqual(count);
  const sizes = await Promise.all(monitors.map(([pid]) => privateKib(pid)));
  const each = sizes.reduce((sum, size) => sum + size, 0) / count;
  expect(each).toBeLessThan(maxPrivateKib);

  await daemon.kill();
  const from = performance.now();
  daemon = await world.daemon({ mirrors: [registry.url] });
  expect(performance.now() - from).toBeLessThan(5000);
  expect(await listed()).toBe(count);
  await Promise.all(
    ids.map((id) => daemon.request(`/containers/${id}?force=true`, { method: "DELETE" })),
  );
  expect(await listed()).toBe(0);
}, 600_000);

async function privateKib(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
  return [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB/gm)].reduce(
    (sum, [, kib]) => sum + Number(kib),
    0,
  );
}
