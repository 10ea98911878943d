import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import type { Daemon } from "../support/daemon.ts";
import { testIf } from "../support/needs.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

interface Inspected {
  State: { Pid: number };
  HostConfig: { MaskedPaths: string[] | null; ReadonlyPaths: string[] | null };
}

async function said(script: string, flags: string[] = []): Promise<string> {
  const ran = await stage().sh(script, flags);
  if (ran.code !== 0) throw new Error(`exited with ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trimEnd();
}

/** A container made by the API, which says more than the command line can. */
async function run(daemon: Daemon, script: string, host: Record<string, unknown>) {
  const { world } = stage();
  const reply = await daemon.post("/containers/create", {
    Image: "busybox",
    Cmd: ["sh", "-c", script],
    HostConfig: host,
  });
  const { Id: id, message } = (await reply.json()) as { Id: string; message: string };
  if (!reply.ok) return { code: reply.status, stdout: "", stderr: message, about: undefined };
  const ran = await world.rt(["start", "-a", id]);
  const [about] = JSON.parse(await world.rtOutput(["inspect", id])) as Inspected[];
  await world.rtOutput(["rm", id]);
  return { ...ran, about };
}

const privileges = "grep NoNewPrivs /proc/self/status | cut -f 2";

test("no-new-privileges holds for the first process and for further ones, as it is asked for", async () => {
  const { world } = stage();
  expect(await said(privileges)).toBe("0");
  for (const option of ["no-new-privileges", "no-new-privileges=true", "no-new-privileges:true"]) {
    expect(await said(privileges, ["--security-opt", option])).toBe("1");
  }
  const id = await world.rtOutput([
    ...["run", "-d", "--security-opt", "no-new-privileges", "busybox", "sleep", "1000"],
  ]);
  expect(await world.rtOutput(["exec", id, "sh", "-c", privileges])).toBe("1");
  expect(await world.rtOutput(["exec", "--privileged", id, "sh", "-c", privileges])).toBe("1");
  await world.rtOutput(["rm", "-f", id]);
});

test("a daemon can have it as its default, from which a container may differ", async () => {
  const { world, registry } = stage();
  const daemon = await world.daemon({
    mirrors: [registry.url],
    flags: ["--no-new-privileges"],
    name: "strict",
  });
  const rt = (args: string[]) => world.rtOutput(["-H", `unix://${daemon.socket}`, ...args]);
  await rt(["pull", "-q", "busybox"]);
  expect(await rt(["run", "--rm", "busybox", "sh", "-c", privileges])).toBe("1");
  const loose = ["--security-opt", "no-new-privileges=false"];
  expect(await rt(["run", "--rm", ...loose, "busybox", "sh", "-c", privileges])).toBe("0");
  const id = await rt(["run", "-d", "busybox", "sleep", "1000"]);
  expect(await rt(["exec", id, "sh", "-c", privileges])).toBe("1");
  await rt(["rm", "-f", id]);
  await daemon.stop();
});

const withDocker = testIf(Bun.which("docker") !== null, "the docker CLI is not on PATH");
withDocker("the docker CLI's options mean the same", async () => {
  const { world } = stage();
  const run = async (option: string, script: string) => {
    const ran = await world.docker([
      ...["run", "--rm", "--security-opt", option, "busybox", "sh", "-c", script],
    ]);
    return ran.code === 0 ? ran.stdout.trim() : ran.stderr;
  };
  expect(await run("no-new-privileges", privileges)).toBe("1");
  expect(await run("no-new-privileges:true", privileges)).toBe("1");
  expect(await run("no-new-privileges=false", privileges)).toBe("0");
  expect(await run("writable-cgroups=true", cgroupFlags)).toBe("rw");
  expect(await run("label=disable", "echo ran")).toBe("ran");
  expect(await run("apparmor=unconfined", "echo ran")).toBe("ran");
  expect(await run("apparmor=docker-default", "echo ran")).toBe("ran");
  expect(await run("frobnicate=true", "echo ran")).toContain(
    'invalid --security-opt: "frobnicate=true"',
  );
});

const cgroupFlags = "grep ' /sys/fs/cgroup ' /proc/mounts | cut -d ' ' -f 4 | cut -d , -f 1";

test("cgroups are writable when asked for or privileged, and not otherwise", async () => {
  const options = (word: string) => ["--security-opt", `writable-cgroups=${word}`];
  expect(await said(cgroupFlags)).toBe("ro");
  expect(await said(cgroupFlags, options("true"))).toBe("rw");
  expect(await said(cgroupFlags, ["--privileged"])).toBe("rw");
  expect(await said(cgroupFlags, ["--privileged", ...options("false")])).toBe("ro");
  expect(await said("grep ' /sys ' /proc/mounts | cut -d ' ' -f 4", options("true"))).toMatch(
    /^ro,/,
  );
});

const hidden =
  "cat /proc/timer_list 2>/dev/null | wc -c; (echo 1 >/proc/sysrq-trigger) 2>&1 | wc -l";

test("masked and read-only paths are those of the request; none given means Docker's", async () => {
  const { daemon } = stage();
  const defaults = await run(daemon, hidden, {});
  expect(defaults.stdout).toBe("0\n1\n");
  expect(defaults.about?.HostConfig.MaskedPaths).toContain("/proc/timer_list");
  expect(defaults.about?.HostConfig.MaskedPaths?.length).toBeGreaterThanOrEqual(12);
  expect(defaults.about?.HostConfig.ReadonlyPaths).toEqual([
    ...["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
  ]);
  const nulls = await run(daemon, hidden, { MaskedPaths: null, ReadonlyPaths: null });
  expect(nulls.stdout).toBe("0\n1\n");
  const own = await run(daemon, "cat /proc/version | wc -c; cat /proc/timer_list | wc -c", {
    MaskedPaths: ["/proc/version", "/no/such"],
  });
  expect(own.stdout).toMatch(/^0\n[1-9]/);
  const none = await run(daemon, "echo x >/proc/sys/kernel/domainname && echo written", {
    MaskedPaths: [],
    ReadonlyPaths: [],
  });
  expect(none.stdout).toBe("written\n");
  expect(none.about?.HostConfig).toMatchObject({ MaskedPaths: [], ReadonlyPaths: [] });
});

test("a privileged container has none but those that are asked for", async () => {
  const { daemon } = stage();
  const open = "grep -c ' /proc/' /proc/mounts";
  const plain = await run(daemon, open, { Privileged: true });
  expect(plain.stdout).toBe("0\n");
  expect(plain.about?.HostConfig).toMatchObject({ MaskedPaths: null, ReadonlyPaths: null });
  const masked = await run(daemon, open, { Privileged: true, MaskedPaths: ["/proc/version"] });
  expect(masked.stdout).toBe("1\n");
});

test("systempaths=unconfined, by either client", async () => {
  const { world } = stage();
  const flags = ["run", "--rm", "--security-opt", "systempaths=unconfined", "busybox"];
  const script = ["sh", "-c", "grep -c ' /proc/' /proc/mounts"];
  expect((await world.rt([...flags, ...script])).stdout).toBe("0\n");
  expect((await world.docker([...flags, ...script])).stdout).toBe("0\n");
});

test("sysctls of the container's namespaces are set, by dots or slashes; others are refused", async () => {
  const { daemon } = stage();
  const look =
    "cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max";
  const set = await run(daemon, look, {
    Sysctls: { "net/core/somaxconn": "77", "kernel.shmmax": "4096", "fs.mqueue.msg_max": "9" },
  });
  expect(set.stdout).toBe("77\n4096\n9\n");
  for (const [name, host, words] of [
    ["kernel.panic", {}, "is not in a separate kernel namespace"],
    ["net.core.somaxconn", { NetworkMode: "host" }, "not allowed in host network namespace"],
    ["kernel.shmmax", { IpcMode: "host" }, "is not allowed in the hosts ipc namespace"],
    ["net/../kernel/panic", {}, "is not a valid name"],
  ] as const) {
    const refused = await run(daemon, "true", { ...host, Sysctls: { [name]: "1" } });
    expect([refused.code, refused.stderr]).toEqual([400, `sysctl "${name}" ${words}`]);
  }
});

/** The machine may keep even root from lowering scores. */
async function mayLower(): Promise<boolean> {
  const lower = "echo -1 2>/dev/null >/proc/self/oom_score_adj";
  return (await stage().world.run(["sh", "-c", lower])).code === 0;
}

test("the kernel ends containers first, the daemon late and monitors last", async () => {
  const { world, daemon } = stage();
  const score = async (pid: number) =>
    (await readFile(`/proc/${pid}/oom_score_adj`, "utf8")).trim();
  const isFree = await mayLower();
  expect(await score(daemon.pid)).toBe(isFree ? "-500" : "0");
  const id = await world.rtOutput([
    ...["run", "-d", "--init", "busybox", "sh", "-c", "cat /proc/*/oom_score_adj; sleep 1000"],
  ]);
  const inside = ["exec", id, "sh", "-c", "cat /proc/self/oom_score_adj /proc/1/oom_score_adj"];
  expect(await world.rtOutput(inside)).toBe("0\n0");
  const [about] = JSON.parse(await world.rtOutput(["inspect", id])) as Inspected[];
  const outside = about?.State.Pid ?? 0;
  const status = (await world.run(["cat", `/proc/${outside}/status`])).stdout;
  const monitor = /^PPid:\t(\d+)$/m.exec(status)?.[1];
  const scores = await world.run(["cat", `/proc/${monitor}/oom_score_adj`]);
  expect(scores.stdout).toBe(isFree ? "-999\n" : "0\n");
  expect((await world.rt(["logs", id])).stdout).toMatch(/^(0\n)+$/);
  await world.rtOutput(["rm", "-f", id]);
});

test("a score of a container's own counts for all of its processes", async () => {
  const { world } = stage();
  const id = await world.rtOutput([
    ...["run", "-d", "--oom-score-adj", "123", "busybox", "sleep", "1000"],
  ]);
  const look = ["sh", "-c", "cat /proc/self/oom_score_adj /proc/1/oom_score_adj"];
  expect(await world.rtOutput(["exec", id, ...look])).toBe("123\n123");
  await world.rtOutput(["rm", "-f", id]);
});

const hasAppArmor = await readFile("/sys/module/apparmor/parameters/enabled", "utf8").then(
  (text) => text.startsWith("Y"),
  () => false,
);
const label = "cat /proc/self/attr/apparmor/current";

test.if(hasAppArmor)(
  "AppArmor's default profile is that of all but privileged containers",
  async () => {
    const { world } = stage();
    const confined = "docker-default (enforce)";
    expect(await said(label)).toBe(confined);
    expect(await said(label, ["--privileged"])).toBe("unconfined");
    expect(await said(label, ["--security-opt", "apparmor=unconfined"])).toBe("unconfined");
    expect(await said("cat /proc/1/attr/apparmor/current", ["--init"])).toBe(confined);
    const open = ["--security-opt", "systempaths=unconfined"];
    const write = "(echo 1 >/proc/sys/kernel/panic) 2>&1 | grep -c denied";
    expect(await said(write, open)).toBe("1");
    const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
    expect(await world.rtOutput(["exec", id, "sh", "-c", label])).toBe(confined);
    expect(await world.rtOutput(["inspect", "-f", "{{.AppArmorProfile}}", id])).toBe(
      "docker-default",
    );
    await world.rtOutput(["rm", "-f", id]);
    const missing = await stage().sh("true", ["--security-opt", "apparmor=no-such"]);
    expect(missing.code).toBe(125);
  },
);

test.if(!hasAppArmor)(
  "without AppArmor its default is what happens anyway, and no other can be had",
  async () => {
    expect(await said("echo ran", ["--security-opt", "apparmor=docker-default"])).toBe("ran");
    expect(await said("echo ran", ["--security-opt", "apparmor=unconfined"])).toBe("ran");
    const own = await stage().sh("true", ["--security-opt", "apparmor=mine"]);
    expect(own.code).toBe(125);
    expect(own.stderr).toContain(
      'AppArmor is not available on this kernel: profile "mine" cannot be applied',
    );
  },
);
