/** What is done with containers that run: exec, stop, output, logs, many at once, memory. */
import { readdir } from "node:fs/promises";
import { buildBusybox } from "../../tests/support/images.ts";
import { pushImage } from "../image.ts";
import { call } from "./command.ts";
import { type Engine, type Place, registryHost } from "./engines.ts";
import {
  formatResults,
  formatTable,
  judge,
  measure,
  median,
  type Results,
  type Subject,
} from "./timing.ts";

export interface Running {
  place: Place;
  rounds: number;
  engines: Engine[];
  /** Leaves out what does not work here. */
  usable(subjects: Subject[]): Promise<Subject[]>;
}

export const busybox = `${registryHost}/bench/busybox`;

export async function pushBusybox(engines: Engine[]): Promise<void> {
  const registry = `http://${registryHost}`;
  await pushImage(
    { registry, repository: "bench/busybox", reference: "latest" },
    await buildBusybox(),
  );
  for (const { pull } of engines) pull(busybox);
}

const megabyte = 2 ** 20;
/** Short lines, as a chatty server prints them; and as much as fits, as a dump does. */
const line = "2026-01-01 GET /index.html 200 0.003 a short line of output";
// Made once and repeated: no program that prints line by line is to be what is measured.
const shortLines = (bytes: number) =>
  `f=/dev/shm/bench-lines; yes "${line}" | head -c ${megabyte} >$f; i=0; ` +
  `while [ $i -lt ${bytes / megabyte} ]; do cat $f; i=$((i+1)); done; rm $f`;
const largeWrites = (bytes: number) => `dd if=/dev/zero bs=64k count=${bytes / 65_536} 2>/dev/null`;

/** Reads all that a command prints, as the reader at the end of a pipe. */
const drained = (command: readonly string[]): string[] => [
  ...["sh", "-c", '"$@" | cat >/dev/null', "sh"],
  ...command,
];

function show(title: string, results: Results, goals: [string, string, number][]): void {
  const beside = [...results.keys()].filter((name) => /docker|podman|pipe|crun/.test(name));
  console.log(`\n${title}\n${formatResults(results, beside.slice(0, 4))}`);
  for (const goal of goals) {
    const judged = judge(results, ...goal);
    if (judged !== undefined) console.log(judged);
  }
}

function showRates(results: Results, bytes: (name: string) => number): void {
  const rows = [["", "MB/s"]];
  for (const name of results.keys()) {
    const seconds = (median(results, name) ?? Number.NaN) / 1000;
    rows.push([name, (bytes(name) / 1e6 / seconds).toFixed(1)]);
  }
  console.log(formatTable(rows));
}

function remove({ name, client }: Engine, id: string): void {
  // Podman alone would wait ten seconds for a program that does not listen.
  call([...client, "rm", "-f", ...(name === "podman" ? ["-t", "0"] : []), id]);
}

/** Starts one container in the background; its id. */
function start({ client, runFlags }: Engine, flags: readonly string[], script: string): string {
  const words = ["run", "-d", ...runFlags, "--network", "none", ...flags];
  return call([...client, ...words, busybox, "sh", "-c", script]).trim();
}

export async function benchExec({ engines, rounds, usable, place }: Running): Promise<void> {
  const targets = engines.map((engine) => ({ engine, id: start(engine, [], "exec sleep 100000") }));
  const subjects = targets.map(
    ({ engine: { name, client }, id }): Subject => ({
      name: `${name} exec`,
      run: () => void call([...client, "exec", id, "true"]),
    }),
  );
  subjects.push({ name: "rt --version", run: () => void call([place.rt, "--version"]) });
  const results = await measure(await usable(subjects), rounds);
  show("exec CONTAINER true, the whole client process, ms", results, [
    ["rt exec", "docker exec", 1 / 10],
  ]);
  for (const { engine, id } of targets) remove(engine, id);
}

export async function benchStop({ engines, rounds, usable }: Running): Promise<void> {
  const subjects = engines.map((engine): Subject => {
    let id = "";
    return {
      name: `${engine.name} stop`,
      before: () => {
        id = start(engine, [], 'trap "exit 0" TERM; sleep 100000 & echo ready; wait');
        while (!call([...engine.client, "logs", id]).includes("ready")) Bun.sleepSync(5);
      },
      run: () => void call([...engine.client, "stop", id]),
      after: () => remove(engine, id),
    };
  });
  const results = await measure(await usable(subjects), Math.min(rounds, 10));
  show("stop of a process that obeys SIGTERM, ms", results, [["rt stop", "docker stop", 1 / 10]]);
}

export async function benchOutput({ engines, rounds, usable }: Running): Promise<void> {
  const kinds = [
    { kind: "short lines", bytes: 32 * megabyte, write: shortLines },
    { kind: "large writes", bytes: 512 * megabyte, write: largeWrites },
  ];
  const shell = Bun.which("busybox") ?? "busybox";
  const subjects = kinds.flatMap(({ kind, bytes, write }): Subject[] => [
    ...engines.map(({ name, client, runFlags }): Subject => {
      const flags = [...runFlags, "--network", "none", "--log-driver", "none"];
      const run = [...client, "run", "--rm", ...flags, busybox, "sh", "-c", write(bytes)];
      return { name: `${name}, ${kind}`, run: () => void call(drained(run)) };
    }),
    {
      name: `plain pipe, ${kind}`,
      run: () => void call(drained([shell, "sh", "-c", write(bytes)])),
    },
  ]);
  const results = await measure(await usable(subjects), Math.min(rounds, 5));
  show("output of a container to an attached client, ms (run --rm, without a log)", results, [
    ["rt, short lines", "docker, short lines", 1 / 5],
    ["rt, large writes", "docker, large writes", 1 / 5],
    ["rt, large writes", "plain pipe, large writes", 2],
  ]);
  showRates(results, (name) => kinds.find(({ kind }) => name.endsWith(kind))?.bytes ?? 0);
}

/** Not to be rotated away while it is measured. */
const jsonLog = ["--log-driver", "json-file", "--log-opt", "max-size=1g"];

export async function benchLog({ engines, rounds, usable }: Running): Promise<void> {
  const bytes = 32 * megabyte;
  const subjects = engines.map((engine): Subject => {
    let id = "";
    // Podman has Docker's driver by another name, and no option of this spelling.
    const flags = engine.name === "podman" ? ["--log-driver", "k8s-file"] : jsonLog;
    return {
      name: `${engine.name} log`,
      run: () => {
        id = start(engine, flags, shortLines(bytes));
        call([...engine.client, "wait", id]);
      },
      after: () => remove(engine, id),
    };
  });
  const results = await measure(await usable(subjects), Math.min(rounds, 5));
  show("32 MiB of short lines into a json-file log, ms (run -d, wait)", results, [
    ["rt log", "docker log", 1 / 10],
  ]);
  showRates(results, () => bytes);
}

export async function benchLogs({ engines, rounds, usable }: Running): Promise<void> {
  const bytes = 100 * megabyte;
  const targets = engines.map((engine) => {
    const flags = engine.name === "podman" ? ["--log-driver", "k8s-file"] : jsonLog;
    const id = start(engine, flags, shortLines(bytes));
    call([...engine.client, "wait", id]);
    return { engine, id };
  });
  const subjects = targets.map(
    ({ engine: { name, client }, id }): Subject => ({
      name: `${name} logs`,
      run: () => void call(drained([...client, "logs", id])),
    }),
  );
  const results = await measure(await usable(subjects), Math.min(rounds, 3));
  show("logs of 100 MiB of short lines, ms", results, [["rt logs", "docker logs", 1 / 20]]);
  showRates(results, () => bytes);
  for (const { engine, id } of targets) remove(engine, id);
}

export async function benchParallel({ place, engines, rounds, usable }: Running): Promise<void> {
  const many = (command: readonly string[]): string[] => [
    ...["sh", "-c", 'seq 50 | xargs -P 8 -I{} "$@" >/dev/null', "sh"],
    ...command,
  ];
  const subjects = engines.map(({ name, client, runFlags }): Subject => {
    const flags = ["--rm", ...runFlags, "--network", "none"];
    const run = [...client, "run", ...flags, busybox, "true"];
    return { name: `${name}, 50 runs`, run: () => void call(many(run)) };
  });
  if (Bun.which("crun")) {
    const crun = ["crun", "--root", `${place.dir}/crun`, "--cgroup-manager=disabled", "run"];
    const words = [...crun, "--bundle", `${place.dir}/bundle`, "many-{}"];
    subjects.push({ name: "crun, 50 runs", run: () => void call(many(words)) });
  }
  const results = await measure(await usable(subjects), Math.min(rounds, 5));
  show("50 runs, 8 at a time, ms (any failure fails the row)", results, [
    ["rt, 50 runs", "docker, 50 runs", 1 / 10],
    ["rt, 50 runs", "crun, 50 runs", 2],
  ]);
}

export async function benchPss({ engines }: Running): Promise<void> {
  const count = 50;
  const rows = [["", "daemons MiB", "by the containers MiB", "in all MiB"]];
  const totals = new Map<string, number>();
  for (const engine of engines) {
    const ids = Array.from({ length: count }, () => start(engine, [], "exec sleep 100000"));
    // At rest: what was needed for the starts alone has been given back.
    await Bun.sleep(5000);
    const { daemons, monitors } = await sumPss(engine);
    totals.set(engine.name, daemons + monitors);
    const shown = [daemons, monitors, daemons + monitors].map((kib) => (kib / 1024).toFixed(1));
    rows.push([engine.name, ...shown]);
    for (const id of ids) remove(engine, id);
  }
  console.log(`\nPSS with ${count} sleeping containers\n${formatTable(rows)}`);
  const [own, docker] = [totals.get("rt"), totals.get("docker")];
  if (own === undefined || docker === undefined) return;
  const word = own <= docker / 4 ? "reached" : "MISSED ";
  console.log(`  ${word}  rt ÷ docker = 1/${(docker / own).toFixed(1)}, goal ≤ 1/4`);
}

/** The engine's own processes; the namespace holds none but the benchmark's. */
async function sumPss({ server, monitor }: Engine): Promise<{ daemons: number; monitors: number }> {
  const sums = { daemons: 0, monitors: 0 };
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const read = (file: string) =>
      Bun.file(`/proc/${pid}/${file}`)
        .text()
        .catch(() => "");
    const comm = (await read("comm")).trim();
    const isMonitor = comm.startsWith(monitor.slice(0, 15));
    // dockerd has containerd beside it.
    const isDaemon =
      Number(pid) === server?.pid || (monitor.startsWith("containerd") && comm === "containerd");
    if (!isMonitor && !isDaemon) continue;
    const pss = Number(/^Pss: +(\d+)/m.exec(await read("smaps_rollup"))?.[1] ?? 0);
    sums[isMonitor ? "monitors" : "daemons"] += pss;
  }
  return sums;
}
