/**
 * `kill -9` of the daemon at random moments under clients that create, start, exec, stop and remove.
 * 30 rounds; RT_FULL=1 makes it 300.
 */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import type { Daemon } from "../support/daemon.ts";
import { childrenOf } from "../support/namespace.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();
const rounds = process.env.RT_FULL === "1" ? 300 : 30;
const clients = 8;
const readyWithinMs = 2000;

interface Inspected {
  State: { Status: string; Running: boolean };
}

/** What the clients were told. An object in neither set was never acknowledged, or is in doubt. */
interface Told {
  exists: Set<string>;
  runs: Set<string>;
  removed: Set<string>;
}

test(`${rounds} rounds of kill -9 under ${clients} clients keep what was acknowledged`, async () => {
  const { world, registry } = stage();
  let daemon = world.daemonAlive();
  const told: Told = { exists: new Set(), runs: new Set(), removed: new Set() };
  let acknowledged = 0;
  let slowest = 0;
  for (let round = 0; round < rounds; round += 1) {
    const over = { now: false };
    const working = Array.from({ length: clients }, (_, at) =>
      work(daemon, `r${round}-${at}`, told, over),
    );
    await Bun.sleep(20 + Math.random() * 180);
    over.now = true;
    await daemon.kill();
    await Promise.all(working);
    const from = performance.now();
    daemon = await world.daemon({ mirrors: [registry.url] });
    slowest = Math.max(slowest, performance.now() - from);
    acknowledged += told.exists.size + told.removed.size;
    await expectTold(daemon, told);
    await removeAll(daemon);
    for (const set of Object.values(told)) set.clear();
  }
  expect(slowest).toBeLessThan(readyWithinMs);
  expect(acknowledged).toBeGreaterThan(rounds);
  await expectEmpty(daemon);
}, 1_200_000);

/** Lives the life of containers, one after another, until the daemon goes. */
async function work(
  daemon: Daemon,
  name: string,
  told: Told,
  over: { now: boolean },
): Promise<void> {
  for (let turn = 0; !over.now; turn += 1) {
    try {
      await live(daemon, `${name}-${turn}`, told);
    } catch (error) {
      // A connection that breaks is what this is about; an answer that is wrong is not.
      if (error instanceof Refused) throw error;
      return;
    }
  }
}

class Refused extends Error {}

async function live(daemon: Daemon, name: string, told: Told): Promise<void> {
  const ask = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const reply = await daemon.request(path, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!reply.ok) throw new Refused(`${method} ${path}: ${reply.status} ${await reply.text()}`);
    return reply;
  };
  const created = await ask("POST", `/containers/create?name=${name}`, {
    Image: "busybox",
    Cmd: ["sleep", "1000"],
    HostConfig: { Init: true },
  });
  const { Id: id } = (await created.json()) as { Id: string };
  told.exists.add(id);
  await ask("POST", `/containers/${id}/start`);
  told.runs.add(id);
  const exec = await ask("POST", `/containers/${id}/exec`, {
    Cmd: ["true"],
    AttachStdout: true,
  });
  const { Id: execId } = (await exec.json()) as { Id: string };
  await (await ask("POST", `/exec/${execId}/start`, { Detach: false })).arrayBuffer();
  if (Math.random() < 0.3) return;
  told.runs.delete(id);
  await ask("POST", `/containers/${id}/stop?t=5`);
  if (Math.random() < 0.3) return;
  told.exists.delete(id);
  await ask("DELETE", `/containers/${id}`);
  told.removed.add(id);
}

async function expectTold(daemon: Daemon, told: Told): Promise<void> {
  for (const id of told.exists) {
    const reply = await daemon.request(`/containers/${id}/json`);
    expect(`${id.slice(0, 12)} ${reply.status}`).toBe(`${id.slice(0, 12)} 200`);
    const { State } = (await reply.json()) as Inspected;
    if (told.runs.has(id)) expect(State).toMatchObject({ Status: "running", Running: true });
  }
  for (const id of told.removed) {
    expect((await daemon.request(`/containers/${id}/json`)).status).toBe(404);
  }
}

/** Everything that is there, acknowledged or not, can be removed. */
async function removeAll(daemon: Daemon): Promise<void> {
  const list = await daemon.json<{ Id: string }[]>("/containers/json?all=true");
  await Promise.all(
    list.map(async ({ Id }) => {
      const reply = await daemon.request(`/containers/${Id}?force=true`, { method: "DELETE" });
      if (!reply.ok) throw new Error(`remove ${Id}: ${reply.status} ${await reply.text()}`);
    }),
  );
}

/** No directory of a container is left; mounts, cgroups, interfaces and processes are the stage's. */
async function expectEmpty(daemon: Daemon): Promise<void> {
  const places = [
    `${daemon.dataRoot}/containers`,
    `${daemon.dataRoot}/trash`,
    `${daemon.runRoot}/c`,
    `${daemon.runRoot}/trash`,
  ];
  await until("all directories to be gone", async () => {
    const left = await Promise.all(places.map((place) => readdir(place).catch(() => [])));
    return left.flat().length === 0;
  });
}

test("a monitor killed with -9: the container is told dead within 5 s, rm -f works", async () => {
  const { world } = stage();
  const daemon = world.daemonAlive();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const [found] = await busyMonitors();
  if (found === undefined) throw new Error("no monitor has a child");
  const from = performance.now();
  process.kill(found.monitor, "SIGKILL");
  await until(
    "the container to be told dead",
    async () => {
      const { State } = await daemon.json<Inspected>(`/containers/${id}/json`);
      return !State.Running;
    },
    5000,
  );
  expect(performance.now() - from).toBeLessThan(5000);
  await until("its process to be gone", () => !existsSync(`/proc/${found.child}`));
  await world.rtOutput(["rm", "-f", id]);
  expect((await daemon.request(`/containers/${id}/json`)).status).toBe(404);
});

/** Monitors that have a container, each with its child, as seen from outside. */
async function busyMonitors(): Promise<{ monitor: number; child: number }[]> {
  const processes = await stage().world.namespace.processes();
  const monitors = [...processes].filter(([, line]) => line.includes("monitor"));
  const pairs = monitors.map(async ([monitor]) =>
    (await childrenOf(monitor)).map((child) => ({ monitor, child })),
  );
  return (await Promise.all(pairs)).flat();
}
