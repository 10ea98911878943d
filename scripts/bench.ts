/** The benchmark itself; started by bench.sh inside namespaces of its own. */
import { readdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { createCgroups, findOwnCgroups } from "../tests/support/cgroups.ts";
import { call, type Server } from "./bench/command.ts";
import {
  buildBundle,
  type Engine,
  type Place,
  registryHost,
  startDocker,
  startPodman,
  startRegistry,
  startRt,
} from "./bench/engines.ts";
import { benchIsolation } from "./bench/isolation.ts";
import { KeepAlive } from "./bench/keep-alive.ts";
import { benchNetwork } from "./bench/network.ts";
import { benchPull } from "./bench/pull.ts";
import {
  benchExec,
  benchLog,
  benchLogs,
  benchOutput,
  benchParallel,
  benchPss,
  benchStop,
  busybox,
  pushBusybox,
} from "./bench/running.ts";
import { benchStarts } from "./bench/starts.ts";
import {
  formatResults,
  formatTable,
  judge,
  measure,
  type Results,
  type Subject,
} from "./bench/timing.ts";
import { buildHelloImage } from "./hello-image.ts";
import { pushImage } from "./image.ts";

const living = {
  exec: benchExec,
  stop: benchStop,
  output: benchOutput,
  log: benchLog,
  logs: benchLogs,
  parallel: benchParallel,
  pss: benchPss,
  isolation: benchIsolation,
  network: benchNetwork,
};
const tables = ["startup", "run", "api", "starts", "pull", "memory", ...Object.keys(living)];
const hello = `${registryHost}/library/hello-world`;
const repository = `${import.meta.dir}/..`;

interface Bench {
  place: Place;
  rounds: number;
  engines: Engine[];
  registry: Server;
  /** Bare crun, where it is installed: with a cgroup as the engines have it, and without. */
  crun: { name: string; args: readonly string[] }[];
  floor: readonly string[];
}

function read(argv: string[]) {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      rounds: { type: "string", short: "n", default: "20" },
      only: { type: "string", default: tables.join(",") },
      image: { type: "string" },
    },
  });
  const [dir] = positionals;
  if (dir === undefined || !(Number(values.rounds) > 0))
    throw new Error("usage: see scripts/bench.sh");
  return { dir, rounds: Number(values.rounds), only: values.only.split(","), image: values.image };
}

async function prepare(dir: string, rounds: number): Promise<Bench> {
  const name = dir.slice(dir.lastIndexOf("/") + 1);
  const place = { dir, rt: `${repository}/dist/rt`, cgroup: `/${name}` };
  const registry = await startRegistry(place);
  const destination = { registry: `http://${registryHost}`, repository: "library/hello-world" };
  await pushImage({ ...destination, reference: "latest" }, await buildHelloImage());
  const starters: [string, (place: Place) => Promise<Engine>][] = [["rt", startRt]];
  if (Bun.which("docker") && Bun.which("dockerd")) starters.push(["docker", startDocker]);
  if (Bun.which("podman")) starters.push(["podman", startPodman]);
  const engines: Engine[] = [];
  for (const [engine, start] of starters) {
    try {
      const started = await start(place);
      started.pull(hello);
      engines.push(started);
    } catch (error) {
      if (engine === "rt") throw error;
      console.log(`${engine} is left out: ${error instanceof Error ? error.message : error}`);
    }
  }
  const program = `${repository}/dist/native/hello`;
  const crun = Bun.which("crun") ? await buildBundle(place, program) : [];
  const parts = ["lower", "upper", "work", "target"].map((part) => `${dir}/floor-${part}`);
  call(["mkdir", ...parts]);
  call(["cp", program, `${parts[0]}/hello`]);
  return { place, rounds, engines, registry, crun, floor: [`${dir}/floor`, ...parts, "/hello"] };
}

function command(name: string, args: readonly string[]): Subject {
  return { name, run: () => void call(args) };
}

/** Leaves out what does not work here, with its reason. */
async function usable(subjects: Subject[]): Promise<Subject[]> {
  const works: Subject[] = [];
  for (const subject of subjects) {
    try {
      await subject.before?.();
      await subject.run();
      await subject.after?.();
      works.push(subject);
    } catch (error) {
      console.log(
        `  ${subject.name} is left out: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  return works;
}

function show(
  title: string,
  results: Results,
  beside: string[],
  goals: (string | undefined)[],
): void {
  console.log(`\n${title}\n${formatResults(results, beside)}`);
  for (const goal of goals) if (goal !== undefined) console.log(goal);
}

async function benchStartup({ place, rounds }: Bench): Promise<void> {
  const subjects = [
    command("rt --version", [place.rt, "--version"]),
    command("bare bun", [`${place.dir}/bare`]),
    ...["docker", "podman", "crun"]
      .filter((name) => Bun.which(name))
      .map((name) => command(`${name} --version`, [name, "--version"])),
  ];
  const results = await measure(await usable(subjects), rounds);
  show(
    "Client start-up, ms",
    results,
    ["bare bun", "docker --version"],
    [
      judge(results, "rt --version", "bare bun", 1.3),
      judge(results, "rt --version", "docker --version", 1),
    ],
  );
}

async function benchRun({ place, rounds, engines, crun, floor }: Bench): Promise<void> {
  const subjects = engines.flatMap(({ name, client, runFlags }) =>
    ["bridge", "host", "none"].map((network) =>
      command(`${name} ${network}`, [
        ...client,
        "run",
        "--rm",
        ...runFlags,
        "--network",
        network,
        hello,
      ]),
    ),
  );
  subjects.push(...crun.map(({ name, args }) => command(name, args)));
  subjects.push(command("rt --version", [place.rt, "--version"]), command("kernel floor", floor));
  const results = await measure(await usable(subjects), rounds);
  const beside = ["docker bridge", "podman bridge", "crun run", "rt --version", "kernel floor"];
  show("run --rm hello-world, the whole client process, ms", results, beside, [
    judge(results, "rt bridge", "docker bridge", 1 / 12),
    judge(results, "rt bridge", "podman bridge", 1 / 12),
    judge(results, "rt bridge", "rt --version", 2),
  ]);
}

async function benchApi({ rounds, engines, crun, floor }: Bench): Promise<void> {
  const subjects: Subject[] = [];
  const connections: KeepAlive[] = [];
  for (const { name, client, server } of engines) {
    const socket = client.find((word) => word.startsWith("unix://"))?.slice("unix://".length);
    if (server === undefined || socket === undefined) continue;
    const engine = await KeepAlive.open(socket);
    connections.push(engine);
    for (const network of ["none", "bridge"]) {
      subjects.push({ name: `${name} ${network}`, run: async () => await live(engine, network) });
    }
  }
  subjects.push(...crun.map(({ name, args }) => command(name, args)));
  subjects.push(command("kernel floor", floor));
  const results = await measure(await usable(subjects), rounds);
  show(
    "create → start → wait → remove over the socket, ms",
    results,
    ["crun run", "crun, no cgroup", "kernel floor"],
    ["crun run", "crun, no cgroup"].flatMap((crun) => [
      judge(results, "rt none", crun, 1),
      judge(results, "rt bridge", crun, 1.5),
    ]),
  );
  for (const connection of connections) connection.close();
}

async function live(engine: KeepAlive, network: string): Promise<void> {
  const config = { Image: hello, HostConfig: { NetworkMode: network } };
  const created = await engine.request("POST", "/v1.41/containers/create", config);
  const { Id } = JSON.parse(created) as { Id: string };
  await engine.request("POST", `/v1.41/containers/${Id}/start`);
  const ended = await engine.request("POST", `/v1.41/containers/${Id}/wait`);
  if ((JSON.parse(ended) as { StatusCode: number }).StatusCode !== 0) throw new Error(ended);
  await engine.request("DELETE", `/v1.41/containers/${Id}`);
}

async function benchMemory({ engines }: Bench): Promise<void> {
  const rows = [["", "daemon RSS MiB", "monitor private MiB", "monitor PSS MiB"]];
  for (const { name, client, runFlags, server, monitor } of engines) {
    const run = [...client, "run", "-d", ...runFlags, "--network", "none"];
    const id = call([...run, busybox, "sleep", "1000"]).trim();
    await Bun.sleep(1000);
    const pid = await findProcess(monitor, id);
    const own = pid === undefined ? undefined : await readRollup(pid);
    const resident = server === undefined ? undefined : await readResident(server.pid);
    rows.push([name, mib(resident), mib(own?.private), mib(own?.pss)]);
    // Podman alone would wait ten seconds for a program that does not listen.
    call([...client, "rm", "-f", ...(name === "podman" ? ["-t", "0"] : []), id]);
  }
  console.log(`\nIdle memory\n${formatTable(rows)}`);
}

/** The process of that name that stands by the container; the newest where its arguments do not tell. */
async function findProcess(name: string, id: string): Promise<number | undefined> {
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const comm = await Bun.file(`/proc/${entry}/comm`)
      .text()
      .catch(() => "");
    if (!comm.startsWith(name.slice(0, 15))) continue;
    const line = await Bun.file(`/proc/${entry}/cmdline`).text();
    if (line.includes(id)) return Number(entry);
    const children = await Bun.file(`/proc/${entry}/task/${entry}/children`).text();
    if (children.trim() !== "") found.push(Number(entry));
  }
  return found.at(-1);
}

async function readRollup(pid: number): Promise<{ private: number; pss: number }> {
  const text = await Bun.file(`/proc/${pid}/smaps_rollup`).text();
  const kib = (key: string) => Number(new RegExp(`^${key}: +(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
  return { private: kib("Private_Clean") + kib("Private_Dirty"), pss: kib("Pss") };
}

async function readResident(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
}

function mib(kib: number | undefined): string {
  return kib === undefined ? "–" : (kib / 1024).toFixed(2);
}

// bench.sh removes the cgroups, once all that ran in them has ended with the namespace.
const options = read(process.argv.slice(2));
const cgroups = await createCgroups(
  await findOwnCgroups(),
  options.dir.slice(options.dir.lastIndexOf("/") + 1),
);
for (const cgroup of cgroups) await Bun.write(`${cgroup}/cgroup.procs`, `${process.pid}`);
const bench = await prepare(options.dir, options.rounds);
try {
  const chosen = Object.entries(living).filter(([name]) => options.only.includes(name));
  if (options.only.includes("memory") || chosen.length > 0) await pushBusybox(bench.engines);
  for (const [, table] of chosen) await table({ ...bench, usable });
  if (options.only.includes("memory")) await benchMemory(bench);
  if (options.only.includes("startup")) await benchStartup(bench);
  if (options.only.includes("run")) await benchRun(bench);
  if (options.only.includes("api")) await benchApi(bench);
  if (options.only.includes("starts")) await benchStarts(bench.engines, hello, options.rounds);
  if (options.only.includes("pull")) await benchPull({ ...bench, usable }, options.image);
} finally {
  for (const { server } of bench.engines) await server?.stop();
  await bench.registry.stop();
}
