/**
 * How fast an image is pushed, beside curl with the same bytes to the same registry: `bun scripts/bench/push.ts [MIB] [ROUNDS]`,
 * as root, with dist/rt built. One image of one layer that does not compress; each way in turn, medians. A repository is
 * new each time, so that all is sent.
 */
import type { Registry } from "../../tests/support/registry.ts";
import { rtPath, World } from "../../tests/support/world.ts";

const [mib = 512, rounds = 5] = process.argv.slice(2).map(Number);

const world = await World.create();
try {
  const daemon = await world.daemon();
  const { root } = world;
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
  const sum = await world.run(["sha256sum", `${root}/root.tar`]);
  const digest = `sha256:${sum.stdout.slice(0, 64)}`;
  const docker = `docker -H unix://${world.socket}`;
  const times = new Map<string, number[]>();
  const measure = async (name: string, registry: Registry, round: number): Promise<void> => {
    const repository = `${name.toLowerCase().replace(/\W+/g, "-")}/${round}`;
    const image = `${registry.host}/${repository}:1`;
    const begin = `curl -sfi -X POST ${registry.url}/v2/${repository}/blobs/uploads/ | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p'`;
    const ways: Record<string, string> = {
      curl: `at=$(${begin}); case $at in /*) at=${registry.url}$at;; esac; case $at in *\\?*) at="$at&";; *) at="$at?";; esac; curl -sf -T ${root}/root.tar "$at"digest=${digest}`,
      rt: `${rtPath} push -q ${image}`,
      docker: `${docker} push -q ${image}`,
    };
    await shell(`${rtPath} tag big:1 ${image}`);
    const script = ways[name.split(" ")[0] ?? ""] ?? "false";
    times.set(name, [...(times.get(name) ?? []), await shell(script)]);
    await shell(
      `${rtPath} rmi ${image}; rm -rf ${registry.root}/docker/registry/v2/blobs/sha256/*`,
    );
  };
  const registries = { "Debian's": await world.debianRegistry(), "rt's": await world.registry() };
  for (let round = 0; round < rounds; round++) {
    for (const [kind, registry] of Object.entries(registries)) {
      for (const way of ["curl", "rt", "docker"])
        await measure(`${way} to ${kind}`, registry, round);
    }
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
