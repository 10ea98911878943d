import { expect, test } from "bun:test";
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage();

/** Runs a container to its end without looking at its output. */
async function log(name: string, script: string, flags: string[] = []): Promise<void> {
  const { world } = stage();
  await world.rtOutput(["run", "-d", "--name", name, ...flags, "busybox", "sh", "-c", script]);
  await world.rtOutput(["wait", name]);
}

async function logFiles(name: string): Promise<{ name: string; size: number }[]> {
  const { world, daemon } = stage();
  const id = await world.rtOutput(["inspect", "-f", "{{.Id}}", name]);
  const data = join(daemon.dataRoot, "containers", id);
  const files: { name: string; size: number }[] = [];
  for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.includes(".log")) continue;
    const { size } = await stat(join(entry.parentPath, entry.name));
    files.push({ name: entry.name.replace(id, "ID"), size });
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The files once the monitor, behind the container's end, has compressed what it rotated last. */
async function compressed(name: string): Promise<{ name: string; size: number }[]> {
  return await until("all rotated files to be compressed", async () => {
    // A file may be gone between its name and its size.
    const files = await logFiles(name).catch(() => []);
    return files.length > 0 && files.every((file) => /\.(gz|log)$/.test(file.name)) && files;
  });
}

/** The numbers that were logged; none may be missing between the first and the last. */
function numbers(text: string): { first: number; last: number } {
  const lines = text.trimEnd().split("\n").map(Number);
  const first = lines[0] ?? Number.NaN;
  for (const [index, number] of lines.entries()) {
    if (number !== first + index) throw new Error(`line ${index}: ${number} after ${first}+`);
  }
  return { first, last: first + lines.length - 1 };
}

async function refusal(flags: string[]): Promise<string> {
  const { code, stderr } = await stage().world.rt(["create", ...flags, "busybox"]);
  expect(code).toBe(125);
  return stderr;
}

test("rotation is on by default: what is on disk is bounded, and logs gives the newest in order", async () => {
  const { world } = stage();
  // 7 MB of text are 90 MB of JSON.
  await log("flood", "seq 1 1000000");
  const files = await compressed("flood");
  expect(files.map(({ name }) => name)).toEqual(
    ["", ".1.gz", ".2.gz", ".3.gz", ".4.gz"].map((ending) => `ID-json.log${ending}`),
  );
  expect(files.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(20_000_000);
  const { stdout } = await world.rt(["logs", "flood"]);
  const { first, last } = numbers(stdout);
  expect(last).toBe(1_000_000);
  expect(first).toBeGreaterThan(1);
  expect(await world.rtOutput(["logs", "-n", "2", "flood"])).toBe("999999\n1000000");
  const peer = await world.docker(["logs", "--tail", "300000", "flood"]);
  expect(numbers(peer.stdout)).toEqual({ first: 700_001, last: 1_000_000 });
  await world.rtOutput(["rm", "flood"]);
});

test("a follower across many rotations loses nothing", async () => {
  const { world } = stage();
  const flags = ["--log-opt", "max-size=200k", "--log-opt", "max-file=100"];
  const script =
    "for i in $(seq 0 99); do seq $((i * 500 + 1)) $((i * 500 + 500)); sleep 0.02; done";
  await world.rtOutput(["run", "-d", "--name", "turning", ...flags, "busybox", "sh", "-c", script]);
  const [mine, docker] = await Promise.all([
    world.rt(["logs", "-f", "turning"]),
    world.docker(["logs", "-f", "turning"]),
  ]);
  expect(numbers(mine.stdout)).toEqual({ first: 1, last: 50_000 });
  expect(docker.stdout === mine.stdout).toBe(true);
  expect((await logFiles("turning")).length).toBeGreaterThan(10);
  await world.rtOutput(["rm", "turning"]);
});

test("a follower that pauses while more is written than is kept loses nothing", async () => {
  const { world } = stage();
  const script = "echo 1; read go; seq 2 800000; read go";
  await world.rtOutput(["run", "-di", "--name", "ahead", "busybox", "sh", "-c", script]);
  const program = world.spawnRt(["attach", "ahead"], { stdin: "open" });
  const pipe = 'exec 3<&0; "$1" logs -f ahead | (read first; echo $first; read go <&3; cat)';
  const pausing = world.spawn(["sh", "-c", pipe, "sh", rtPath], { stdin: "open" });
  await pausing.prints("1\n");
  program.write("\n");
  const newest = () => world.rtOutput(["logs", "-n", "1", "ahead"]);
  await until("all to be written", async () => (await newest()) === "800000");
  pausing.write("\n");
  program.write("\n");
  expect(numbers((await pausing.finished()).stdout)).toEqual({ first: 1, last: 800_000 });
  await program.finished();
  // Which is more than there is afterwards.
  expect(numbers((await world.rt(["logs", "ahead"])).stdout).first).toBeGreaterThan(1);
  await world.rtOutput(["rm", "ahead"]);
});

test("the driver local keeps, rotates and shows logs too", async () => {
  const { world } = stage();
  const flags = ["--log-driver", "local", "--log-opt", "max-size=100k", "--log-opt", "max-file=3"];
  await log("compact", "seq 1 20000; echo last >&2", flags);
  const files = await compressed("compact");
  expect(files.map(({ name }) => name)).toEqual(
    ["", ".1.gz", ".2.gz"].map((ending) => `container.log${ending}`),
  );
  const ran = await world.rt(["logs", "compact"]);
  expect(ran.stderr).toBe("last\n");
  expect(numbers(ran.stdout).last).toBe(20_000);
  const shown = await world.rtOutput([
    "inspect",
    "-f",
    "{{json .HostConfig.LogConfig}}",
    "compact",
  ]);
  expect(JSON.parse(shown)).toEqual({
    Type: "local",
    Config: { "max-file": "3", "max-size": "100k" },
  });
  await world.rtOutput(["rm", "compact"]);
});

test("the driver none keeps nothing and says so", async () => {
  const { world } = stage();
  await log("silent", "echo lost", ["--log-driver", "none"]);
  const ran = await world.rt(["logs", "silent"]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain("configured logging driver does not support reading");
  expect(await logFiles("silent")).toEqual([]);
  await world.rtOutput(["rm", "silent"]);
});

test("a non-blocking log takes all that its buffer holds", async () => {
  const { world } = stage();
  const flags = ["--log-opt", "mode=non-blocking", "--log-opt", "max-buffer-size=20m"];
  await log("loose", "seq 1 50000", flags);
  expect(numbers(await world.rtOutput(["logs", "loose"]))).toEqual({ first: 1, last: 50_000 });
  await world.rtOutput(["rm", "loose"]);
});

test("wrong options are refused at create, in Docker's words", async () => {
  const option = (text: string) => ["--log-opt", text];
  expect(await refusal(option("colour=red"))).toContain(
    "unknown log opt 'colour' for json-file log driver",
  );
  expect(await refusal(["--log-driver", "local", ...option("labels=a")])).toContain(
    "unknown log opt 'labels' for log driver 'local'",
  );
  expect(await refusal(["--log-driver", "mylogs"])).toContain(
    "logger: no log driver named 'mylogs' is registered",
  );
  expect(await refusal(option("max-size=many"))).toContain("invalid size: 'many'");
  expect(await refusal(option("max-file=0"))).toContain("max-file cannot be less than 1");
  expect(await refusal(option("mode=maybe"))).toContain("logging mode not supported: maybe");
  expect(await refusal(option("max-buffer-size=1m"))).toContain(
    "max-buffer-size option is only supported with 'mode=non-blocking'",
  );
  expect(await refusal([...option("max-file=1"), ...option("compress=true")])).toContain(
    "compress cannot be true when max-file is less than 2 or max-size is not set",
  );
});

test("the daemon's own log options are those of containers that ask for none", async () => {
  const { world, registry } = stage();
  const flags = ["--log-driver", "local", "--log-opt", "max-size=1m"];
  const other = await world.daemon({ name: "other", mirrors: [registry.url], flags });
  const info = await other.json<{ LoggingDriver: string }>("/info");
  expect(info.LoggingDriver).toBe("local");
  const rt = (...args: string[]) => world.rtOutput(["-H", `unix://${other.socket}`, ...args]);
  const id = await rt("create", "--pull", "always", "-q", "busybox");
  const shown = await rt("inspect", "-f", "{{json .HostConfig.LogConfig}}", id);
  expect(JSON.parse(shown)).toEqual({ Type: "local", Config: { "max-size": "1m" } });
  await rt("rm", id);
  await other.stop();
  const wrong = await world.rt(["daemon", "--log-opt", "colour=red", "-H", "unix:///x.sock"]);
  expect(wrong.code).not.toBe(0);
  expect(wrong.stderr).toContain("unknown log opt 'colour' for json-file log driver");
});

test("labels, environment and tag go with every record, and --details shows them", async () => {
  const { world } = stage();
  const options = ["labels=team,none", "env-regex=^APP_", "tag={{.Name}}/{{.ImageName}}"];
  const flags = [
    ...options.flatMap((text) => ["--log-opt", text]),
    ...["--label", "team=a b", "-e", "APP_X=1", "-e", "OTHER=2"],
  ];
  await log("marked", "echo '<hi>'", flags);
  const path = await world.rtOutput(["inspect", "-f", "{{.LogPath}}", "marked"]);
  const attrs = '{"APP_X":"1","tag":"marked/busybox","team":"a b"}';
  expect(await readFile(path, "utf8")).toStartWith(
    `{"log":"\\u003chi\\u003e\\n","stream":"stdout","attrs":${attrs},"time":"`,
  );
  const details = "APP_X=1,tag=marked%2Fbusybox,team=a+b <hi>";
  expect(await world.rtOutput(["logs", "--details", "marked"])).toBe(details);
  expect((await world.docker(["logs", "--details", "marked"])).stdout).toBe(`${details}\n`);
  await world.rtOutput(["rm", "marked"]);
});

test("since, until, tail and timestamps choose and mark lines", async () => {
  const { world } = stage();
  await log("timed", "echo one; sleep 0.3; echo two; sleep 0.3; echo three");
  const stamped = (await world.rtOutput(["logs", "-t", "timed"])).split("\n");
  const times = stamped.map((line) => line.slice(0, 30));
  expect(stamped.map((line) => line.slice(30))).toEqual([" one", " two", " three"]);
  for (const time of times) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  const [first = "", second = ""] = times;
  const read = (...flags: string[]) => world.rtOutput(["logs", ...flags, "timed"]);
  expect(await read("--since", second)).toBe("two\nthree");
  expect(await read("--until", second)).toBe("one\ntwo");
  expect(await read("--since", first, "--until", first)).toBe("one");
  expect(await read("--since", "10m", "--tail", "1")).toBe("three");
  expect(await read("--until", "10m")).toBe("");
  const unix = Date.parse(`${second.slice(0, 23)}Z`) / 1000;
  expect(await read("--since", `${unix.toFixed(3)}`)).toBe("two\nthree");
  expect((await world.docker(["logs", "--since", second, "-n", "1", "timed"])).stdout).toBe(
    "three\n",
  );
  await world.rtOutput(["rm", "timed"]);
});

test("with --until a follower ends at that time though nothing is written", async () => {
  const { world } = stage();
  const script = "echo up; sleep 1000";
  await world.rtOutput(["run", "-d", "--name", "quiet", "busybox", "sh", "-c", script]);
  await world.printed("quiet", "up");
  const end = new Date(Date.now() + 1500).toISOString();
  const ran = await world.rt(["logs", "-f", "--until", end, "quiet"]);
  expect(ran).toEqual({ code: 0, stdout: "up\n", stderr: "" });
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(end));
  await world.rtOutput(["rm", "-f", "quiet"]);
});

test("what was said is told though the container is removed as soon as the answer begins", async () => {
  const { world, daemon } = stage();
  for (const follow of ["follow=1", "follow=0"]) {
    for (let i = 0; i < 20; i++) {
      const id = await world.rtOutput(["run", "-d", "busybox", "echo", "said"]);
      await daemon.post(`/containers/${id}/wait`);
      const reply = await daemon.request(`/containers/${id}/logs?stdout=1&${follow}`);
      await daemon.request(`/containers/${id}`, { method: "DELETE" });
      expect((await reply.text()).slice(8)).toBe("said\n");
    }
  }
});

test("300 followers that leave take their descriptors and threads with them", async () => {
  const { world, daemon } = stage();
  const script = "seq 1 1000; sleep 1000";
  await world.rtOutput(["run", "-d", "--name", "watched", "busybox", "sh", "-c", script]);
  const follow = async () => {
    const gone = new AbortController();
    const path = "/containers/watched/logs?stdout=1&stderr=1&follow=1";
    const reply = await daemon.request(path, { signal: gone.signal });
    const reader = reply.body?.getReader();
    await reader?.read();
    gone.abort();
    await reader?.cancel().catch(() => undefined);
  };
  const count = async () => {
    const descriptors = await readdir(`/proc/${daemon.pid}/fd`);
    const targets = await Promise.all(
      descriptors.map((fd) => readlink(`/proc/${daemon.pid}/fd/${fd}`).catch(() => "")),
    );
    const logs = targets.filter((target) => target.includes("-json.log")).length;
    return { all: descriptors.length, logs };
  };
  for (let i = 0; i < 10; i++) await follow();
  const before = await count();
  for (let i = 0; i < 15; i++) await Promise.all(Array.from({ length: 20 }, follow));
  await until("the files to be closed", async () => {
    const now = await count();
    return now.logs === 0 && now.all <= before.all + 2;
  });
  const { stdout } = await world.rt(["logs", "-n", "1", "watched"]);
  expect(stdout).toBe("1000\n");
  await world.rtOutput(["rm", "-f", "watched"]);
});
