/** A daemon that was started with files, sockets and the host's root open: none of it reaches a container. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdir, stat } from "node:fs/promises";
import { Canary } from "../support/canary.ts";
import type { Daemon } from "../support/daemon.ts";
import { buildBusybox } from "../support/images.ts";
import { until } from "../support/until.ts";
import { rtPath, World } from "../support/world.ts";

setDefaultTimeout(60_000);

let world: World;
let daemon: Daemon;
let canary: Canary;

/** Opens twenty descriptors all over the range and becomes what it is given. */
function strays(port: string): string[] {
  const numbers = [3, 4, 5, 6, 7, 8, 9, 11, 13, 17, 63, 64, 65, 127, 255, 256, 511];
  const script = [
    `for n in ${numbers.join(" ")}; do eval "exec $n<$path/secret"; done`,
    'exec 18</ 19<"$path/dir" 20<>"$path/pipe"',
    `exec 21<>/dev/tcp/127.0.0.1/${port} 1000<>/dev/tcp/127.0.0.1/${port} 900</`,
    'exec "$@"',
  ].join("\n");
  return ["bash", "-c", script, "bash"];
}

beforeAll(async () => {
  world = await World.create();
  canary = await Canary.create(world);
  const registry = await world.registry();
  const checked = { Test: ["CMD-SHELL", "ls -l /proc/$$/fd >/fds"], Interval: 200_000_000 };
  await registry.push(
    "library/busybox:latest",
    await buildBusybox({ config: { Healthcheck: checked } }),
  );
  const port = registry.host.split(":")[1] ?? "";
  daemon = await world.daemon({
    mirrors: [registry.url],
    wrapper: strays(port),
    env: { path: canary.path },
  });
  await world.rtOutput(["pull", "-q", "busybox"]);
});

afterAll(async () => {
  await daemon.removeContainers();
  await daemon.stop();
  await canary.remove();
  await world.end();
});

/** What a process, by its pid outside of the world, has open: number → file system and inode. */
async function descriptorsOf(pid: number): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const name of await readdir(`/proc/${pid}/fd`)) {
    const file = await stat(`/proc/${pid}/fd/${name}`).catch(() => undefined);
    found.set(Number(name), `${file?.dev}:${file?.ino}`);
  }
  return found;
}

/** What the daemon was given. */
async function given(): Promise<string[]> {
  const all = await descriptorsOf(daemon.pid);
  return [3, 511, 18, 19, 20, 21, 900, 1000].map((number) => all.get(number) ?? "gone");
}

/** Numbers of what a process of the world has open. */
async function openIn(pid: string): Promise<string> {
  return (await world.run(["ls", `/proc/${pid}/fd`])).stdout.trim().split("\n").join(" ");
}

async function monitors(): Promise<number[]> {
  const all = await world.namespace.processes();
  return [...all].filter(([, line]) => line.includes("rt-monitor")).map(([pid]) => pid);
}

test("the daemon does have them", async () => {
  const own = await given();
  const [root, secret] = [await stat("/"), await stat(`${canary.path}/secret`)];
  expect(own).not.toContain("gone");
  expect(own[2]).toBe(`${root.dev}:${root.ino}`);
  expect(own[0]).toBe(`${secret.dev}:${secret.ino}`);
});

test("no monitor has any of them, whether it waits or watches", async () => {
  const stray = await given();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  await until("a monitor in advance", async () => (await monitors()).length >= 2);
  for (const pid of await monitors()) {
    const own = [...(await descriptorsOf(pid)).values()];
    expect(own.filter((each) => stray.includes(each))).toEqual([]);
    expect(own.length).toBeLessThan(20);
  }
  await world.rtOutput(["rm", "-f", id]);
});

const three = new Set(["0", "1", "2"]);

test("a container, an exec and a health check have 0, 1 and 2, however they are run", async () => {
  for (const flags of [[], ["-t"], ["-i"], ["--privileged"], ["--init"], ["-u", "guest"]]) {
    const id = await world.rtOutput(["run", "-d", ...flags, "busybox", "sleep", "1000"]);
    const pid = await world.rtOutput(["inspect", "-f", "{{.State.Pid}}", id]);
    expect([flags, await openIn(pid)]).toEqual([flags, "0 1 2"]);
    await world.rtOutput(["exec", "-d", id, "sleep", "1001"]);
    await world.rtOutput(["exec", "-d", "-t", "--privileged", id, "sleep", "1001"]);
    const execs = await until("the execs", async () => {
      const { stdout } = await world.run(["sh", "-c", `grep -lz "^1001$" /proc/[0-9]*/cmdline`]);
      const found = [...stdout.matchAll(/(\d+)\/cmdline/g)].map(([, each = ""]) => each);
      return found.length === 2 && found;
    });
    for (const each of execs) expect([flags, await openIn(each)]).toEqual([flags, "0 1 2"]);
    if (!flags.includes("-u")) {
      const listed = await until("a health check", async () => {
        const text = (await world.rt(["exec", id, "cat", "/fds"])).stdout;
        return text.includes("2 ->") && text;
      });
      const names = [...listed.matchAll(/ (\d+) -> (\S+)/g)].map(([, number = ""]) => number);
      expect(names.filter((each) => !three.has(each))).toEqual([]);
      expect(listed).not.toContain("canary");
    }
    await world.rtOutput(["rm", "-f", id]);
  }
});

test("the first process of a container reads nothing of the host by any descriptor", async () => {
  const script =
    'for n in $(seq 0 1100); do [ -e /proc/self/fd/$n ] && ls -l "/proc/self/fd/$n" "/proc/self/fd/$n/"; done; true';
  for (const flags of [
    [],
    ["--privileged"],
    ["-w", "/proc/self/fd/18"],
    ["-w", "/proc/self/fd/900"],
  ]) {
    const ran = await world.rt([
      "run",
      "--rm",
      "-v",
      "/tmp",
      ...flags,
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    expect([flags, `${ran.stdout}${ran.stderr}`.includes(canary.word)]).toEqual([flags, false]);
    if (flags[0] === "-w") expect(ran.code).toBe(125);
  }
});

test("a daemon that a client starts has none of the client's files", async () => {
  await using own = await World.create();
  for (const at of ["/run", "/var/lib"]) await own.run(["mount", "-t", "tmpfs", "none", at]);
  await Bun.write(own.path("secret"), "a secret");
  const command = ["bash", "-c", 'exec 7</ 77<"$0" 400<"$0"; exec "$@"', own.path("secret")];
  const ran = await own.run([...command, rtPath, "ps", "-q"], { env: { RT_HOST: "" } });
  expect(ran).toEqual({ code: 0, stdout: "", stderr: "" });
  const all = [...(await own.namespace.processes())];
  const [root, secret] = [await stat("/"), await stat(own.path("secret"))];
  const strays = [root, secret].map((file) => `${file.dev}:${file.ino}`);
  for (const [pid] of all) {
    const open = [...(await descriptorsOf(pid)).values()];
    expect(open.filter((each) => strays.includes(each))).toEqual([]);
  }
  for (const [pid, line] of all) if (line.includes(" daemon")) process.kill(pid, "SIGTERM");
  await until("the daemon to end", async () => (await own.namespace.processes()).size === 0);
  await own.run(["umount", "-l", "/run", "/var/lib"]);
});
