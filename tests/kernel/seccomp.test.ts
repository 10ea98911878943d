import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { buildCalls, type Call, readResults, x32 } from "../support/calls.ts";
import { testIf } from "../support/needs.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();
const onIntel = testIf(process.arch === "x64", "the calls are x86-64's");

const [EPERM, ENOSYS] = [-constants.errno.EPERM, -constants.errno.ENOSYS];

async function program(calls: Call[]): Promise<string> {
  const path = stage().world.path("calls");
  await writeFile(path, buildCalls(calls), { mode: 0o755 });
  return path;
}

/** What calls return in a container. */
async function answers(calls: Call[], flags: string[] = []): Promise<number[]> {
  const path = await program(calls);
  const ran = await stage().sh("/calls | base64", ["-v", `${path}:/calls:ro`, ...flags]);
  if (ran.code !== 0) throw new Error(`exited with ${ran.code}: ${ran.stderr}`);
  return readResults(Buffer.from(ran.stdout, "base64"));
}

async function profile(name: string, content: unknown): Promise<string> {
  const path = stage().world.path(name);
  await Bun.write(path, JSON.stringify(content));
  return path;
}

const denyMkdir = (action: string, more = {}) => ({
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["mkdir", "mkdirat"], action, ...more }],
});

/** Numbers of x86-64. */
const denied = {
  ...{ mount: 165, umount2: 166, unshare: 272, setns: 308, pivot_root: 155, bpf: 321 },
  ...{ keyctl: 250, add_key: 248, request_key: 249, perf_event_open: 298, userfaultfd: 323 },
  ...{ io_uring_setup: 425, init_module: 175, kexec_load: 246, swapon: 167, reboot: 169 },
  ...{ settimeofday: 164, syslog: 103, open_by_handle_at: 304, fsopen: 430, open_tree: 428 },
};

test("process 1, its children and execs are filtered, whoever they are", async () => {
  const { world, sh } = stage();
  const status = "grep -h ^Seccomp: /proc/1/status /proc/self/status | tr -d '\\t\\n'";
  for (const flags of [[], ["-u", "1000"], ["--init"], ["--security-opt", "no-new-privileges"]]) {
    expect((await sh(status, flags)).stdout, flags.join(" ")).toBe("Seccomp:2Seccomp:2");
  }
  for (const flags of [["--privileged"], ["--security-opt", "seccomp=unconfined"]])
    expect((await sh(status, flags)).stdout, flags.join(" ")).toBe("Seccomp:0Seccomp:0");
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  for (const flags of [[], ["-u", "1000"], ["--privileged"]])
    expect(await world.rtOutput(["exec", ...flags, id, "sh", "-c", status])).toBe(
      "Seccomp:2Seccomp:2",
    );
  await world.rtOutput(["restart", "-t", "0", id]);
  expect(await world.rtOutput(["exec", id, "sh", "-c", status])).toBe("Seccomp:2Seccomp:2");
  await world.rtOutput(["rm", "-f", id]);
});

test("a health check is filtered as an exec is", async () => {
  const { world } = stage();
  const check = "grep -q '^Seccomp:.2' /proc/self/status";
  const health = ["--health-cmd", check, "--health-interval", "100ms", "--health-retries", "1"];
  const id = await world.rtOutput(["run", "-d", ...health, "busybox", "sleep", "1000"]);
  await until("the first check", async () => {
    const state = await world.rtOutput(["inspect", "-f", "{{.State.Health.Status}}", id]);
    return state === "starting" ? undefined : state;
  }).then((state) => expect(state).toBe("healthy"));
  await world.rtOutput(["rm", "-f", id]);
});

test("what loaded the filter is gone: no capability is left of it", async () => {
  const caps = "grep -hE '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status | tr -d '\\t\\n'";
  const none = ["Inh", "Prm", "Eff", "Amb"].map((set) => `Cap${set}:0000000000000000`).join("");
  for (const flags of [[], ["--init"], ["--cap-add", "SYS_ADMIN"]])
    expect((await stage().sh(caps, ["-u", "1000", ...flags])).stdout).toBe(none);
  const parent = "grep -hE '^Cap(Prm|Eff)' /proc/1/status | tr -d '\\t\\n'";
  expect((await stage().sh(parent, ["--init"])).stdout).toBe(
    "CapPrm:00000000a80425fbCapEff:00000000a80425fb",
  );
});

onIntel("calls that Docker denies are denied", async () => {
  const calls = Object.values(denied).map((number) => ({ number }));
  expect(await answers(calls)).toEqual(calls.map(() => EPERM));
});

onIntel("calls that do not exist, and clone3, are as on an older kernel", async () => {
  const calls = [{ number: 435 }, { number: 9999 }, { number: 467 }, { number: 223, i386: true }];
  expect(await answers([...calls, { number: 9999, i386: true }])).toEqual([
    ...[ENOSYS, ENOSYS, ENOSYS, EPERM, ENOSYS],
  ]);
});

onIntel("arguments decide about sockets, personalities and clone", async () => {
  const socket = (family: number | bigint) => ({ number: 41, args: [family, 1, 0] });
  const results = await answers([
    ...[socket(40), socket((1n << 32n) + 40n), socket(38)],
    { number: 135, args: [0x4_0000] },
    { number: 135, args: [0xffff_ffff] },
    { number: 56, args: [0x1000_0011] },
  ]);
  expect(results.slice(0, 4)).toEqual([EPERM, EPERM, EPERM, EPERM]);
  expect(results.slice(4)).toEqual([0, EPERM]);
  const [inet = -1] = await answers([{ number: 41, args: [2, 2, 0] }]);
  expect(inet).toBeGreaterThanOrEqual(0);
});

onIntel("programs of 32 bits are filtered by their own numbers", async () => {
  const i386 = (number: number, ...args: number[]) => ({ number, args, i386: true });
  const results = await answers([
    ...[i386(21), i386(52), i386(310), i386(346), i386(288), i386(359, 40, 1, 0)],
    i386(20),
  ]);
  expect(results.slice(0, 6)).toEqual(Array(6).fill(EPERM));
  expect(results[6]).toBeGreaterThan(0);
  // x32: what a filter lets through a kernel without x32 does not know.
  const [mount, getpid = 0] = await answers([{ number: x32 + 165 }, { number: x32 + 39 }]);
  expect(mount).toBe(EPERM);
  expect(getpid === ENOSYS || getpid > 0).toBeTrue();
});

onIntel("a capability opens its calls", async () => {
  const calls = [{ number: 272 }, { number: 435, args: [0, 0] }];
  const [unshare, clone3] = await answers(calls, ["--cap-add", "SYS_ADMIN"]);
  expect([unshare, clone3]).toEqual([0, -constants.errno.EINVAL]);
  const mount = await stage().sh("mkdir /m && mount -t tmpfs x /m && echo mounted", [
    ...["--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined"],
  ]);
  expect(mount.stdout).toBe("mounted\n");
});

onIntel(
  "exec --privileged has all capabilities and the container's filter, as with Docker",
  async () => {
    const { world } = stage();
    const path = await program([{ number: 272 }, { number: 435 }]);
    const mounted = ["-v", `${path}:/calls:ro`];
    const ask = async (id: string) => {
      const text = await world.rtOutput([
        "exec",
        "--privileged",
        id,
        "sh",
        "-c",
        "/calls | base64",
      ]);
      return readResults(Buffer.from(text, "base64"));
    };
    const plain = await world.rtOutput(["run", "-d", ...mounted, "busybox", "sleep", "1000"]);
    expect(await ask(plain)).toEqual([EPERM, ENOSYS]);
    const open = ["--security-opt", "seccomp=unconfined"];
    const free = await world.rtOutput([
      "run",
      "-d",
      ...open,
      ...mounted,
      "busybox",
      "sleep",
      "1000",
    ]);
    expect(await ask(free)).toEqual([0, -constants.errno.EINVAL]);
    await world.rtOutput(["rm", "-f", plain, free]);
  },
);

test("a profile of one's own denies, in run and exec, and is shown by inspect", async () => {
  const { world, sh } = stage();
  const path = await profile("deny.json", denyMkdir("SCMP_ACT_ERRNO", { errnoRet: 30 }));
  const option = ["--security-opt", `seccomp=${path}`];
  const refused = await sh("mkdir /x; rmdir /x; echo done", option);
  expect(refused.stdout).toBe("done\n");
  expect(refused.stderr).toStartWith("mkdir: can't create directory '/x': Read-only file system\n");
  const id = await world.rtOutput(["run", "-d", ...option, "busybox", "sleep", "1000"]);
  expect((await world.rt(["exec", id, "mkdir", "/x"])).stderr).toContain("Read-only file system");
  const shown = await world.rtOutput(["inspect", "-f", "{{json .HostConfig.SecurityOpt}}", id]);
  expect(JSON.parse(shown)).toEqual([
    `seccomp=${JSON.stringify(denyMkdir("SCMP_ACT_ERRNO", { errnoRet: 30 }))}`,
  ]);
  await world.rtOutput(["rm", "-f", id]);
});

test("a profile can log, and lets through what it logs", async () => {
  const logged = { ...denyMkdir("SCMP_ACT_LOG"), flags: ["SECCOMP_FILTER_FLAG_LOG"] };
  const option = `seccomp=${await profile("log.json", logged)}`;
  const ran = await stage().sh("mkdir /x && grep ^Seccomp: /proc/self/status", [
    ...["--security-opt", option],
  ]);
  expect(ran.stdout).toBe("Seccomp:\t2\n");
});

test("a profile can kill", async () => {
  const path = await profile("kill.json", denyMkdir("SCMP_ACT_KILL_PROCESS"));
  const option = ["--security-opt", `seccomp=${path}`];
  const ran = await stage().world.rt(["run", "--rm", ...option, "busybox", "mkdir", "/x"]);
  expect(ran.code).toBe(128 + constants.signals.SIGSYS);
});

onIntel("a profile may forbid all but what the program itself calls, and execve", async () => {
  const names = ["execve", "capset", "write", "exit_group", "getpid"];
  const content = {
    defaultAction: "SCMP_ACT_KILL_PROCESS",
    syscalls: [{ names, action: "SCMP_ACT_ALLOW" }],
  };
  const option = ["--security-opt", `seccomp=${await profile("strict.json", content)}`];
  const mounted = ["-v", `${await program([{ number: 39 }])}:/calls:ro`];
  for (const flags of [[], ["-u", "1000"], ["--security-opt", "no-new-privileges"]]) {
    const ran = await stage().world.rt([
      "run",
      "--rm",
      ...option,
      ...mounted,
      ...flags,
      "busybox",
      "/calls",
    ]);
    expect(ran.code, flags.join(" ")).toBe(0);
  }
});

test("an explicit profile holds for a privileged container too", async () => {
  const path = await profile("deny.json", denyMkdir("SCMP_ACT_ERRNO"));
  const ran = await stage().sh("mkdir /x", ["--privileged", "--security-opt", `seccomp=${path}`]);
  expect(ran.stderr).toContain("Operation not permitted");
});

test("a profile that cannot be used is refused when the container is created", async () => {
  const { world } = stage();
  for (const [content, words] of [
    [
      { defaultAction: "SCMP_ACT_MAYBE" },
      'invalid seccomp profile: unknown action "SCMP_ACT_MAYBE"',
    ],
    [
      {
        defaultAction: "SCMP_ACT_ALLOW",
        architectures: ["SCMP_ARCH_X86"],
        archMap: [{ architecture: "SCMP_ARCH_X86_64" }],
      },
      "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'",
    ],
    [
      denyMkdir("SCMP_ACT_NOTIFY"),
      "seccomp profiles that ask another process (SCMP_ACT_NOTIFY) are not supported by this engine yet",
    ],
  ] as const) {
    const path = await profile("bad.json", content);
    const ran = await world.rt(["create", "--security-opt", `seccomp=${path}`, "busybox"]);
    expect(ran.code).toBe(125);
    expect(ran.stderr).toStartWith(`rt: Error response from daemon: ${words}\n`);
  }
  expect(await world.rtOutput(["ps", "-aq"])).toBe("");
});

test("info names the profile", async () => {
  const { world } = stage();
  const said = await world.rtOutput(["info", "-f", "{{json .SecurityOptions}} {{json .Warnings}}"]);
  expect(said).toContain('"name=seccomp,profile=builtin"');
  expect(said).not.toContain("without a seccomp profile");
});

const withDocker = testIf(Bun.which("docker") !== null, "the docker CLI is not on PATH");
withDocker("docker's own --security-opt seccomp=FILE works", async () => {
  const { world } = stage();
  const path = await profile("deny.json", denyMkdir("SCMP_ACT_ERRNO"));
  const run = (option: string, script: string) =>
    world.docker(["run", "--rm", "--security-opt", option, "busybox", "sh", "-c", script]);
  expect((await run(`seccomp=${path}`, "mkdir /x")).stderr).toContain("Operation not permitted");
  expect((await run("seccomp=unconfined", "mkdir /x && echo made")).stdout).toBe("made\n");
  expect((await world.docker(["info"])).stdout).toMatch(
    /Security Options:\n +seccomp\n +Profile: builtin\n/,
  );
});
