import { beforeAll, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();
let id: string;

beforeAll(async () => {
  const { world } = stage();
  id = await world.rtOutput(
    ["run", "-d", "--name", "box", "-e", "FROM=container", "-w", "/tmp", "--init"].concat([
      ...["--hostname", "inside", "busybox", "sleep", "100000"],
    ]),
  );
});

for (const client of ["rt", "docker"] as const) {
  const exec = (args: string[], options = {}) => {
    const { world } = stage();
    return client === "rt"
      ? world.rt(["exec", ...args], options)
      : world.docker(["exec", ...args], options);
  };

  test(`${client} exec: output of both streams and the status`, async () => {
    const ran = await exec(["box", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    expect(ran).toMatchObject({ stdout: "out\n", stderr: "err\n", code: 7 });
    expect((await exec(["box", "sh", "-c", "kill -9 $$"])).code).toBe(137);
  });

  test(`${client} exec: environment, user, working directory, host name`, async () => {
    const script = 'echo "$FROM $OWN $(id -un) $(pwd) $(hostname)"';
    const plain = await exec(["box", "sh", "-c", script]);
    expect(plain.stdout).toBe("container  root /tmp inside\n");
    const changed = await exec(
      ["-e", "OWN=1", "-e", "FROM=exec", "-u", "guest", "-w", "/etc"].concat([
        ...["box", "sh", "-c", script],
      ]),
    );
    expect(changed.stdout).toBe("exec 1 guest /etc inside\n");
  });

  test(`${client} exec: what cannot be run`, async () => {
    const absent = await exec(["box", "no-such-program"]);
    expect(absent.code).toBe(127);
    expect(absent.stdout + absent.stderr).toContain(
      'exec: "no-such-program": executable file not found in $PATH',
    );
    expect((await exec(["box", "/etc/passwd"])).code).toBe(126);
    expect((await exec(["-w", "/nowhere", "box", "true"])).code).toBe(126);
    expect((await exec(["-u", "nobody-known", "box", "true"])).code).toBe(126);
    const none = await exec(["no-such-box", "true"]);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain("No such container: no-such-box");
  });

  test(`${client} exec: ten megabytes through it, and the end of the input`, async () => {
    const { world } = stage();
    const sent = randomBytes(10 * 1024 * 1024);
    const path = world.path(`input-${client}`);
    await Bun.write(path, sent);
    const binary = client === "rt" ? ["$RT", "exec"] : ["docker", "exec"];
    const script = `${binary.join(" ")} -i box sh -c 'cat; echo end >&2' <${path} | sha256sum`;
    const { rtPath } = await import("../support/world.ts");
    const env = { DOCKER_HOST: `unix://${world.socket}`, RT: rtPath };
    const ran = await world.run(["sh", "-c", script], { env });
    expect(ran.stdout).toStartWith(createHash("sha256").update(sent).digest("hex"));
    expect(ran.stderr).toBe("end\n");
  });

  test(`${client} exec: detached`, async () => {
    const ran = await exec(["-d", "box", "touch", `/tmp/${client}`]);
    expect(ran).toMatchObject({ stdout: "", code: 0 });
    await until("its file", async () => {
      return (await exec(["box", "test", "-e", `/tmp/${client}`])).code === 0;
    });
    expect((await exec(["-d", "box", "no-such-program"])).code).not.toBe(0);
  });

  test(`${client} exec: privileges`, async () => {
    const { world } = stage();
    const effective = ["box", "grep", "CapEff", "/proc/self/status"];
    expect((await exec(effective)).stdout.trim()).toBe("CapEff:\t00000000a80425fb");
    const all = await exec(["--privileged", ...effective]);
    const { stdout } = await world.rt([
      "run",
      "--rm",
      "--privileged",
      "busybox",
      ...effective.slice(1),
    ]);
    expect(all.stdout).toBe(stdout);
    expect(all.stdout).not.toContain("a80425fb");
  });

  test(`${client} exec: a terminal`, async () => {
    const { world } = stage();
    const { rtPath } = await import("../support/world.ts");
    const program = client === "rt" ? rtPath : `docker -H unix://${world.socket}`;
    const command = `${program} exec -it box sh -c "tty; env | grep TERM"`;
    const ran = await world.run(["script", "-qec", command, "/dev/null"]);
    expect(ran.stdout).toMatch(/\/dev\/pts\/\d+\r\n(\^@)?TERM=xterm\r\n/);
  });
}

interface ExecInspect {
  Running: boolean;
  ExitCode: number | null;
  Pid: number;
  ContainerID: string;
  ProcessConfig: { entrypoint: string; arguments: string[] };
}

async function createExec(Cmd: string[]): Promise<string> {
  const reply = await stage().world.daemonAlive().post(`/containers/${id}/exec`, { Cmd });
  expect(reply.status).toBe(201);
  return ((await reply.json()) as { Id: string }).Id;
}

test("inspect tells what it is and how it went; a second start is refused", async () => {
  const daemon = stage().world.daemonAlive();
  const exec = await createExec(["sh", "-c", "exit 3"]);
  const inspect = () => daemon.json<ExecInspect>(`/exec/${exec}/json`);
  expect(await inspect()).toMatchObject({
    Running: false,
    ExitCode: null,
    ContainerID: id,
    ProcessConfig: { entrypoint: "sh", arguments: ["-c", "exit 3"] },
  });
  await (await daemon.post(`/exec/${exec}/start`, { Detach: true })).text();
  await until("its end", async () => (await inspect()).ExitCode === 3);
  expect((await daemon.post(`/exec/${exec}/start`, { Detach: true })).status).toBe(409);
  expect((await daemon.request("/exec/0123456789ab/json")).status).toBe(404);
});

test("a container that is paused or stopped has none", async () => {
  const { world } = stage();
  await world.rtOutput(["run", "-d", "--name", "still", "busybox", "sleep", "1000"]);
  await world.rtOutput(["pause", "still"]);
  const paused = await world.rt(["exec", "still", "true"]);
  expect(paused.stderr).toContain("is paused, unpause the container before exec");
  await world.rtOutput(["unpause", "still"]);
  await world.rtOutput(["kill", "still"]);
  const stopped = await world.rt(["exec", "still", "true"]);
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toContain("is not running");
  await world.rtOutput(["rm", "still"]);
});

test("an exec outlives the daemon, and the next one knows its exit code", async () => {
  const { world, registry } = stage();
  let daemon = world.daemonAlive();
  const first = await createExec([
    "sh",
    "-c",
    "while [ ! -e /tmp/go ]; do usleep 1000; done; exit 5",
  ]);
  const second = await createExec(["sh", "-c", "echo $$ >/tmp/second; exec sleep 1000"]);
  for (const exec of [first, second]) {
    await (await daemon.post(`/exec/${exec}/start`, { Detach: true })).text();
  }
  const before = await daemon.json<ExecInspect>(`/exec/${second}/json`);
  const box = await daemon.json<{ ExecIDs: string[] }>(`/containers/${id}/json`);
  expect(new Set(box.ExecIDs)).toEqual(new Set([first, second]));
  await daemon.kill();
  // It ends while nobody is there to be told.
  const root = `/proc/${await firstPid()}/root`;
  await Bun.write(`${root}/tmp/go`, "");
  await until("the first to end", async () => (await execsRunning()) === 1);
  daemon = await world.daemon({ mirrors: [registry.url] });
  expect(await daemon.json<ExecInspect>(`/exec/${first}/json`)).toMatchObject({
    Running: false,
    ExitCode: 5,
  });
  expect(await daemon.json<ExecInspect>(`/exec/${second}/json`)).toMatchObject({
    Running: true,
    Pid: before.Pid,
  });
  expect((await world.rt(["exec", "box", "sh", "-c", "kill $(cat /tmp/second)"])).code).toBe(0);
  await until("the second to end", async () => {
    return (await daemon.json<ExecInspect>(`/exec/${second}/json`)).ExitCode === 143;
  });
});

/** Children of the container's monitor, as seen from outside. */
async function childrenOfMonitor(): Promise<number[]> {
  const { world } = stage();
  const { childrenOf } = await import("../support/namespace.ts");
  const processes = await world.namespace.processes();
  const monitors = [...processes].filter(([, line]) => line.includes("monitor"));
  return (await Promise.all(monitors.map(([pid]) => childrenOf(pid)))).flat();
}

async function firstPid(): Promise<number> {
  return (await childrenOfMonitor())[0] ?? 0;
}

async function execsRunning(): Promise<number> {
  return (await childrenOfMonitor()).length - 1;
}

test("many short ones: every code is right, nothing is left", async () => {
  const { world } = stage();
  const daemon = world.daemonAlive();
  const count = async () => (await readdir(`/proc/${daemon.pid}/fd`)).length;
  await world.rt(["exec", "box", "true"]);
  const before = await count();
  for (let round = 0; round < 50; round += 1) {
    const codes = [round, round + 50, round + 100, round + 150];
    const ran = await Promise.all(
      codes.map((code) => world.rt(["exec", "box", "sh", "-c", `exit ${code}`])),
    );
    expect(ran.map(({ code }) => code)).toEqual(codes);
  }
  expect(await execsRunning()).toBe(0);
  await until("the connections to be closed", async () => (await count()) <= before + 1);
}, 120_000);
