import { beforeAll, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import type { Entry } from "../../scripts/image.ts";
import { buildBusybox } from "../support/images.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

/** Places in the image that lead, or seem to lead, to the host's directory `canary`. */
function traps(canary: string): Entry[] {
  const link = (name: string, target: string): Entry => ({ name, type: "symlink", target });
  return [
    link("absolute", canary),
    link("upward", `../../../../../../../..${canary}`),
    link("magic", `/proc/self/root${canary}`),
    link("cwd", "/proc/self/cwd"),
    link("descriptor", "/proc/self/fd/3"),
    link("init", "/proc/1/root"),
    link("loop", "/loop"),
    link("whole", "/"),
    { name: "pipe", type: "fifo" },
    { name: "file", content: "x" },
    { name: "inner", type: "directory" },
    link("inner/out", canary),
    link("inner/file", `${canary}/secret`),
    { name: "inner/pipe", type: "fifo" },
  ];
}

const targets = [
  ..."/absolute /upward /magic /cwd /descriptor /init /loop /whole /pipe /file /inner".split(" "),
  ..."/absolute/new /upward/new /magic/new /inner/out/new /file/new /loop/new".split(" "),
  ..."/proc/self/fd/3 /proc/self/fd/3/x /proc/1/root /../../x /inner/../absolute".split(" "),
];

beforeAll(async () => {
  const { world, registry } = stage();
  const canary = world.path("canary");
  await mkdir(canary);
  await writeFile(`${canary}/secret`, "nobody's business\n");
  const above = [traps(canary)];
  await registry.push("library/hostile:latest", await buildBusybox({ above }));
  for (const [index, Volumes] of targets.map((target) => ({ [target]: {} })).entries()) {
    const image = await buildBusybox({ above, config: { Volumes } });
    await registry.push(`library/declares:${index}`, image);
  }
  await world.rtOutput(["pull", "-q", "hostile"]);
});

/** Everything about the canary that a container could have changed, but for times of reading. */
async function canaryState(): Promise<string> {
  const { world } = stage();
  const script = "cd $0 && find . -printf '%p %y %m %u:%g %s %T@ %C@\\n' | sort && cat secret";
  const ran = await world.run(["sh", "-c", script, world.path("canary")]);
  if (ran.code !== 0) throw new Error(ran.stderr);
  return ran.stdout;
}

test("no place in a hostile image leads a volume, a bind, a tmpfs or an image out of the root", async () => {
  const { world, daemon } = stage();
  const before = await canaryState();
  await mkdir(world.path("own"));
  const script = 'for d in "$@"; do touch "$d/written"; cat "$d/secret"; done 2>/dev/null; exit 0';
  for (const [index, target] of targets.entries()) {
    for (const mount of [
      ["-v", `trap${index}:${target}`],
      ["-v", `${world.path("own")}:${target}`],
      ["--tmpfs", target],
      ["--mount", `type=image,src=hostile,dst=${target}`],
      ["-v", target],
    ]) {
      const command = ["hostile", "sh", "-c", script, "sh", target];
      const ran = await world.rt(["run", "--rm", ...mount, ...command], { timeoutMs: 20_000 });
      expect([mount, ran.code === 0 || ran.code === 125]).toEqual([mount, true]);
      expect(ran.stdout).not.toContain("nobody's business");
    }
  }
  expect(await canaryState()).toBe(before);
  expect(daemon.alive).toBe(true);
}, 240_000);

test("a VOLUME of a hostile image is made inside it, or refused", async () => {
  const { world } = stage();
  const before = await canaryState();
  for (const [index, target] of targets.entries()) {
    const image = `declares:${index}`;
    await world.rtOutput(["pull", "-q", image]);
    const script = 'touch "$0/written"; cat "$0/secret" "$0/file"';
    const ran = await world.rt(["run", "--rm", image, "sh", "-c", script, target]);
    expect([target, ran.stdout.includes("nobody's business")]).toEqual([target, false]);
    await world.rt(["rmi", image]);
  }
  expect(await canaryState()).toBe(before);
}, 120_000);

test("what a volume is filled with are the image's links, not what they point to", async () => {
  const { world, daemon } = stage();
  await world.rtOutput(["create", "-v", "copied:/inner", "hostile"]);
  const data = `${daemon.dataRoot}/volumes/copied/_data`;
  const ran = await world.run(["find", data, "-printf", "./%P %y %l\\n"]);
  expect(ran.stdout.split("\n").sort().join("\n").trim()).toBe(
    [
      "./ d ",
      `./file l ${world.path("canary")}/secret`,
      `./out l ${world.path("canary")}`,
      "./pipe p",
    ].join("\n"),
  );
});

test("a subpath whose directories are swapped for links meanwhile leads nowhere else", async () => {
  const { world } = stage();
  const canary = world.path("canary");
  const before = await canaryState();
  const swap = `while :; do
    rm -rf /v/sub; mkdir -p /v/sub/deep; rm -rf /v/sub; ln -s ${canary} /v/sub; rm -f /v/sub
    ln -s / /v/sub; rm -f /v/sub
  done`;
  const swapper = await world.rtOutput([
    ...["run", "-d", "-v", "swapped:/v", "busybox", "sh", "-c", swap],
  ]);
  for (let round = 0; round < 25; round++) {
    const subpath = round % 2 === 0 ? "sub" : "sub/deep";
    const ran = await world.rt([
      ...["run", "--rm", "--mount", `type=volume,src=swapped,dst=/p,volume-subpath=${subpath}`],
      ...["busybox", "sh", "-c", "ls /p; cat /p/secret; touch /p/written; true"],
    ]);
    expect(ran.stdout).not.toMatch(/secret|nobody|proc/);
  }
  await world.rtOutput(["rm", "-f", swapper]);
  expect(await canaryState()).toBe(before);
});

test("a file of a GiB that holds next to nothing takes next to nothing in a volume that is filled with it", async () => {
  const { world, registry, daemon } = stage();
  const hole: Entry = { name: "seed/hole", type: "sparse", hole: 2 ** 30 };
  const above = [[{ name: "seed", type: "directory" } as Entry, hole]];
  await registry.push("library/hollow:latest", await buildBusybox({ above }));
  await world.rtOutput(["pull", "-q", "hollow"]);
  const run = ["run", "--rm", "-v", "hollow:/seed", "hollow", "sh", "-c"];
  expect(await world.rtOutput([...run, "stat -c %s /seed/hole; od -An -tx1 -N2 /seed/hole"])).toBe(
    "1073741824\n 00 00",
  );
  const used = await world.run(["du", "-sk", `${daemon.dataRoot}/volumes/hollow`]);
  expect(Number(used.stdout.split("\t")[0])).toBeLessThan(1024);
});
