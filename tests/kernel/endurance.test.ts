/** Short runs and execs, many of them: 300 in all by default, 10,000 with RT_FULL=1. */
import { expect, test } from "bun:test";
import type { Daemon } from "../support/daemon.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { staysAtWhatItHolds, zombiesAmong } from "../support/usage.ts";

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
  // Heard before the start, as the head of its answer says.
  const waiting = await daemon.post(`/containers/${created.Id}/wait?condition=next-exit`);
  const started = await daemon.post(`/containers/${created.Id}/start`);
  if (!started.ok) throw new Error(`start: ${await started.text()}`);
  const { StatusCode } = (await waiting.json()) as Exited;
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
  daemon.keepsConnections = false;
  using events = await EventCount.open(daemon);
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
  // The runtime's heap finds its size first: some 20 MB more than at the start, and then no more.
  let all = process.env.RT_FULL === "1" ? 6000 : 600;
  await together(all);
  await staysAtWhatItHolds(daemon.pid, { memory: 0.1 }, async () => {
    all += count;
    await together(all);
  });
  expect(wrong).toEqual([]);

  const runs = all / 2;
  const expected = { create: runs + 1, start: runs + 1, die: runs, destroy: runs };
  const execs = { exec_create: runs, exec_start: runs, exec_die: runs };
  await until(
    "the last event",
    () => events.of("destroy") >= runs && events.of("exec_die") >= runs,
  );
  for (const [name, number] of Object.entries({ ...expected, ...execs })) {
    expect([name, events.of(name)]).toEqual([name, number]);
  }
  await until("no zombie", async () => {
    const processes = await world.namespace.processes();
    return (await zombiesAmong(processes.keys())).length === 0;
  });
  await world.rtOutput(["rm", "-f", host]);
}, 1_800_000);

/** Counts events by action, as they come. */
class EventCount implements Disposable {
  readonly #counts = new Map<string, number>();
  readonly #stop = new AbortController();

  static async open(daemon: Daemon): Promise<EventCount> {
    const count = new EventCount();
    const reply = await daemon.request("/events", { signal: count.#stop.signal });
    if (reply.body !== null) void count.#read(reply.body).catch(() => {});
    return count;
  }

  of(action: string): number {
    return this.#counts.get(action) ?? 0;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let pending = "";
    for await (const chunk of body) {
      const lines = (pending + decoder.decode(chunk, { stream: true })).split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines.filter(Boolean)) {
        const { Action } = JSON.parse(line) as { Action: string };
        const name = Action.split(":")[0] ?? "";
        this.#counts.set(name, this.of(name) + 1);
      }
    }
  }
}
