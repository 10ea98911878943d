import { beforeAll, expect, test } from "bun:test";
import { messageOf } from "../support/json.ts";
import { testIf } from "../support/needs.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();
const testDocker = testIf(Bun.which("docker") !== null, "the docker CLI is not on PATH");

interface Stats {
  name: string;
  id: string;
  read: string;
  preread: string;
  cpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage: number; online_cpus: number };
  precpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage: number };
  memory_stats: { usage: number; limit: number };
  pids_stats: { current: number };
  networks?: Record<string, { rx_bytes: number; tx_bytes: number }>;
}

let busy = "";

beforeAll(async () => {
  const program = "sleep 1000 & while :; do :; done";
  busy = await stage().world.rtOutput([
    ...["run", "-d", "--name", "busy", "busybox", "sh", "-c", program],
  ]);
});

async function stats(query: string, id = busy): Promise<Stats> {
  return await stage().daemon.json<Stats>(`/containers/${id}/stats?${query}`);
}

test("top lists the processes of a container as ps -ef does, without a ps", async () => {
  const { world, daemon } = stage();
  const { Titles, Processes } = await daemon.json<{ Titles: string[]; Processes: string[][] }>(
    "/containers/busy/top",
  );
  expect(Titles.join(" ")).toBe("UID PID PPID C STIME TTY TIME CMD");
  expect(Processes.map((cells) => cells.at(-1)).sort()).toEqual([
    ...["sh -c sleep 1000 & while :; do :; done", "sleep 1000"],
  ]);
  expect(Processes.every(([user]) => user === "root")).toBe(true);
  const text = await world.rtOutput(["top", "busy", "-eo", "pid,comm"]);
  expect(text).toStartWith("PID                 COMMAND\n");
  expect(text.split("\n")).toHaveLength(3);
});

test("top refuses what it does not know, and a container that does not run", async () => {
  const { world, daemon } = stage();
  expect((await daemon.request("/containers/busy/top?ps_args=-o%20nothing")).status).toBe(400);
  expect((await daemon.request("/containers/busy/top?ps_args=--forest")).status).toBe(501);
  expect((await daemon.request("/containers/absent/top")).status).toBe(404);
  const id = await world.rtOutput(["create", "busybox", "true"]);
  const reply = await daemon.request(`/containers/${id}/top`);
  expect(reply.status).toBe(409);
  expect(await messageOf(reply)).toBe(`container ${id} is not running`);
  await world.rtOutput(["rm", id]);
});

test("top shows a paused container too", async () => {
  const { world } = stage();
  await world.rtOutput(["pause", "busy"]);
  expect(await world.rtOutput(["top", "busy", "aux"])).toContain("sleep 1000");
  await world.rtOutput(["unpause", "busy"]);
});

test("stats without a stream are two samples a second apart", async () => {
  const one = await stats("stream=false");
  expect([one.name, one.id]).toEqual(["/busy", busy]);
  const passed = Date.parse(one.read) - Date.parse(one.preread);
  expect(passed).toBeGreaterThan(900);
  const used = one.cpu_stats.cpu_usage.total_usage - one.precpu_stats.cpu_usage.total_usage;
  const host = one.cpu_stats.system_cpu_usage - one.precpu_stats.system_cpu_usage;
  // The machine may be busy otherwise; the loop uses some of one CPU, and no more than that.
  expect(used / 1e6).toBeGreaterThan(20);
  expect(used / 1e6).toBeLessThan(passed * 1.2);
  expect(host).toBeGreaterThan(used);
  expect(one.pids_stats.current).toBe(2);
  expect(one.memory_stats.usage).toBeGreaterThan(10_000);
  expect(one.memory_stats.usage).toBeLessThan(64 * 2 ** 20);
  expect(one.memory_stats.limit).toBeGreaterThan(64 * 2 ** 20);
  expect(Object.keys(one.networks ?? {})).toEqual(["eth0"]);
});

test("a single shot has no sample before it, and is no stream", async () => {
  const one = await stats("stream=false&one-shot=true");
  expect(one.preread).toBe("0001-01-01T00:00:00Z");
  expect(one.precpu_stats.cpu_usage.total_usage).toBe(0);
  const { daemon } = stage();
  expect((await daemon.request("/containers/busy/stats?one-shot=true")).status).toBe(400);
});

test("memory, pids and network are what the container uses of them", async () => {
  const { world } = stage();
  const script = "i=0; while [ $i -lt 5 ]; do sleep 100 & i=$((i+1)); done; wait";
  const limits = ["--memory", "64m", "--pids-limit", "50", "--network", "none"];
  const id = await world.rtOutput(["run", "-d", ...limits, "busybox", "sh", "-c", script]);
  await until("six processes", async () => {
    const { pids_stats } = await stats("stream=false&one-shot=true", id);
    return pids_stats.current === 6;
  });
  const one = await stats("stream=false&one-shot=true", id);
  expect(one.memory_stats.limit).toBe(64 * 2 ** 20);
  expect(one.memory_stats.usage).toBeGreaterThan(10_000);
  expect(one.networks).toBeUndefined();
  await world.rtOutput(["rm", "-f", id]);
});

test("a stream goes on each second, with zeros once the container has ended, to its removal", async () => {
  const { world, daemon } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const reply = await daemon.request(`/containers/${id}/stats`);
  const seen: Stats[] = [];
  const reading = (async () => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of reply.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      seen.push(...lines.map((line) => JSON.parse(line) as Stats));
    }
  })();
  await until("two reports", () => seen.length >= 2);
  expect(seen[1]?.preread).toBe(seen[0]?.read ?? "");
  await world.rtOutput(["kill", id]);
  await until("zeros", () => seen.at(-1)?.cpu_stats.cpu_usage.total_usage === 0);
  await world.rtOutput(["rm", id]);
  await reading;
});

test("rt stats prints a table of those that run, by name too, and what cannot be found", async () => {
  const { world } = stage();
  const text = await world.rtOutput(["stats", "--no-stream"]);
  expect(text).toMatch(
    /^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS\n/,
  );
  expect(text.split("\n")[1]).toMatch(
    new RegExp(`^${busy.slice(0, 12)} +busy +[\\d.]+% +[\\d.]+[KM]iB / [\\d.]+GiB +`),
  );
  const format = ["--no-trunc", "--format", "{{.ID}} {{.Container}} {{.PIDs}}"];
  expect(await world.rtOutput(["stats", "--no-stream", ...format, "busy"])).toBe(`${busy} busy 2`);
  const failed = await world.rt(["stats", "--no-stream", "absent"]);
  expect([failed.code, failed.stderr]).toEqual([
    1,
    expect.stringContaining("No such container: absent"),
  ]);
});

test("rt stats draws over its last picture on a terminal, and takes up what starts", async () => {
  const { world } = stage();
  const running = world.spawnRt(["stats"], { terminal: { cols: 120, rows: 24 } });
  await running.prints("busy");
  const id = await world.rtOutput(["run", "-d", "--name", "later", "busybox", "sleep", "1000"]);
  await running.prints("later");
  expect(running.stdout).toStartWith("\x1b[2J\x1b[H");
  await world.rtOutput(["rm", "-f", id]);
  running.write("\u0003");
  await running.finished();
});

testDocker("docker stats and docker top read it", async () => {
  const { world } = stage();
  const format = ["--format", "{{.Name}} {{.PIDs}} {{.CPUPerc}}"];
  const ran = await world.docker(["stats", "--no-stream", ...format]);
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
  expect(ran.stdout).toMatch(/^busy 2 \d+\.\d\d%\n$/);
  const top = await world.docker(["top", "busy"]);
  expect(top.stdout).toContain("sleep 1000");
});

test("a thousand streams that are broken off leave nothing in the daemon", async () => {
  const { daemon } = stage();
  const files = async () => {
    const found = await Array.fromAsync(
      new Bun.Glob("*").scan({ cwd: `/proc/${daemon.pid}/fd`, onlyFiles: false }),
    );
    return found.length;
  };
  const abort = async () => {
    const gone = new AbortController();
    const reply = await daemon.request("/containers/busy/stats", { signal: gone.signal });
    expect(reply.status).toBe(200);
    gone.abort();
  };
  const before = await files();
  for (let round = 0; round < 50; round += 1) await Promise.all(Array.from({ length: 20 }, abort));
  await until("the connections to be closed", async () => (await files()) <= before + 2);
  // Nobody asks any more, so nothing is read.
  const reads = async () =>
    Number(/^syscr: (\d+)/m.exec(await Bun.file(`/proc/${daemon.pid}/io`).text())?.[1]);
  await Bun.sleep(1500);
  const from = await reads();
  await Bun.sleep(2500);
  expect((await reads()) - from).toBeLessThan(30);
});
