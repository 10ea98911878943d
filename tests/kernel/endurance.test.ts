/** Short runs and execs, many of them: 300 in all by default, 10,000 with RT_FULL=1. */
import { expect, test } from "bun:test";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { returnsTo, usageOf, zombiesAmong } from "../support/usage.ts";

const stage = useStage();
const count = process.env.RT_FULL === "1" ? 10_000 : 300;
const workers = 8;

interface Exited {
  StatusCode: number;
}

/** Create, start, wait and remove over the API; the exit code. */
async function run(code: number): Promise<number> {
  const { daemon } = stage();
  const created = await daemon.json<{ Id: string }>("/containers/create", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      ...{ Image: "busybox", Cmd: ["sh", "-c", `exit ${code}`], Labels: { endurance: "1" } },
      HostConfig: { NetworkMode: "none" },
    }),
  });
  const waiting = daemon.post(`/containers/${created.Id}/wait?condition=next-exit`);
  const started = await daemon.post(`/containers/${created.Id}/start`);
  if (!started.ok) throw new Error(`start: ${await started.text()}`);
  const { StatusCode } = (await (await waiting).json()) as Exited;
  const removed = await daemon.request(`/containers/${created.Id}`, { method: "DELETE" });
  if (!removed.ok) throw new Error(`remove: ${await removed.text()}`);
  return StatusCode;
}

async function exec(id: string, code: number): Promise<number> {
  const { daemon } = stage();
  const made = await daemon.post(`/containers/${id}/exec`, {
    ...{ AttachStdout: true, Cmd: ["sh", "-c", `echo ${code}; exit ${code}`] },
  });
  const { Id } = (await made.json()) as { Id: string };
  const started = await daemon.post(`/exec/${Id}/start`, { Detach: false });
  const text = await started.text();
  if (!text.includes(`${code}\n`)) throw new Error(`exec printed ${JSON.stringify(text)}`);
  return await until("the exit code of the exec", async () => {
    const { Running, ExitCode } = await daemon.json<{ Running: boolean; ExitCode: number }>(
      `/exec/${Id}/json`,
    );
    return Running ? undefined : { ExitCode };
  }).then(({ ExitCode }) => ExitCode);
}

test(`${count} short runs and execs: right exit codes, all events, nothing left`, async () => {
  const { world, daemon } = stage();
  const since = Date.now() / 1000;
  const host = await world.rtOutput([
    ...["run", "-d", "--network", "none", "busybox", "sleep", "100000"],
  ]);
  let next = 0;
  const wrong: string[] = [];
  const work = async (most: number): Promise<void> => {
    while (next < most) {
      const number = next++;
      const code = number % 200;
      const isExec = number % 2 === 1;
      const got = await (isExec ? exec(host, code) : run(code));
      if (got !== code) wrong.push(`${isExec ? "exec" : "run"} ${number}: ${got}`);
    }
  };
  const together = (most: number) => Promise.all(Array.from({ length: workers }, () => work(most)));
  const warm = 100;
  await together(warm);
  await Bun.sleep(500);
  const before = await usageOf(daemon.pid);
  await together(warm + count);
  expect(wrong).toEqual([]);

  const window = `since=${since}&until=${Date.now() / 1000 + 1}`;
  const text = await (await daemon.request(`/events?${window}`)).text();
  const actions = new Map<string, number>();
  for (const line of text.trim().split("\n")) {
    const { Action } = JSON.parse(line) as { Action: string };
    const name = Action.split(":")[0] ?? "";
    actions.set(name, (actions.get(name) ?? 0) + 1);
  }
  const runs = (warm + count) / 2;
  const expected = { create: runs + 1, start: runs + 1, die: runs, destroy: runs };
  for (const [name, number] of Object.entries(expected)) {
    expect([name, actions.get(name)]).toEqual([name, number]);
  }
  for (const name of ["exec_create", "exec_start", "exec_die"]) {
    expect([name, actions.get(name)]).toEqual([name, runs]);
  }
  await until("no zombie", async () => {
    const processes = await world.namespace.processes();
    return (await zombiesAmong(processes.keys())).length === 0;
  });
  await returnsTo(daemon.pid, before, { memory: 0.1 });
  await world.rtOutput(["rm", "-f", host]);
}, 1_800_000);
