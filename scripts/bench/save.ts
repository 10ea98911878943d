/**
 * How fast an image is saved, beside what the disk and a socket give: `bun scripts/bench/save.ts [MIB] [ROUNDS]`, as root,
 * with dist/rt built. One image of one layer that does not compress; each way in turn, medians.
 */
import { rtPath, World } from "../../tests/support/world.ts";

const [mib = 512, rounds = 5] = process.argv.slice(2).map(Number);

const world = await World.create();
try {
  const daemon = await world.daemon();
  const root = world.root;
  const shell = async (script: string): Promise<number> => {
    const from = performance.now();
    const ran = await world.run(["bash", "-ec", script], { timeoutMs: 600_000 });
    if (ran.code !== 0) throw new Error(`${script}: ${ran.stderr}`);
    return performance.now() - from;
  };
  await shell(
    `mkdir ${root}/r; head -c ${mib}M /dev/urandom >${root}/r/big; tar -C ${root}/r -cf ${root}/root.tar big`,
  );
  await shell(`${rtPath} import ${root}/root.tar big:1`);
  const docker = `docker -H unix://${world.socket}`;
  const ways: Record<string, string> = {
    "disk: cp, sync": `cp ${root}/root.tar ${root}/copy; sync ${root}/copy; rm ${root}/copy`,
    "rt save -o": `${rtPath} save -o ${root}/out big:1; rm ${root}/out`,
    "docker save -o": `${docker} save -o ${root}/out big:1; sync ${root}/out; rm ${root}/out`,
    "pipe: cat | cat": `cat ${root}/root.tar | cat >/dev/null`,
    "rt save | cat": `${rtPath} save big:1 | cat >/dev/null`,
    "docker save | cat": `${docker} save big:1 | cat >/dev/null`,
  };
  const times = new Map(Object.keys(ways).map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, script] of Object.entries(ways)) times.get(name)?.push(await shell(script));
  }
  for (const [name, all] of times) {
    const median = all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
    const rate = (mib / median) * 1000;
    console.log(`${name.padEnd(20)} ${median.toFixed(0).padStart(6)} ms  ${rate.toFixed(0)} MiB/s`);
  }
  const status = await Bun.file(`/proc/${daemon.pid}/status`).text();
  const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  console.log(`peak memory of the daemon: ${peak.toFixed(0)} MiB`);
} finally {
  await world.end();
}
