import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readlink } from "node:fs/promises";
import { buildBusybox } from "../support/images.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

async function said(script: string, flags: string[] = []): Promise<string> {
  const ran = await stage().sh(script, flags);
  if (ran.code !== 0) throw new Error(`exited with ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trimEnd();
}

test("the sets of capabilities are Docker's, with nothing to inherit", async () => {
  expect(await said("grep ^Cap /proc/self/status | tr -d '\\t'")).toBe(
    [
      ...["CapInh:0000000000000000", "CapPrm:00000000a80425fb", "CapEff:00000000a80425fb"],
      ...["CapBnd:00000000a80425fb", "CapAmb:0000000000000000"],
    ].join("\n"),
  );
});

test("no file of the engine is open in the container", async () => {
  // 3 is the directory that ls itself has open.
  expect(await said("ls /proc/self/fd | tr '\\n' ' '")).toBe("0 1 2 3");
});

test("the container's program is what process 1 is, not rt nor its monitor", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const pid = await world.rtOutput(["inspect", "-f", "{{.State.Pid}}", id]);
  expect((await world.run(["readlink", `/proc/${pid}/exe`])).stdout).toMatch(
    /^\/bin\/(busybox|sleep)\n$/,
  );
  await world.rtOutput(["rm", "-f", id]);
});

test("every namespace but the user's is the container's own, that of clocks where there is one", async () => {
  const names = ["mnt", "net", "uts", "pid", "ipc", "cgroup", "time"].filter((name) =>
    existsSync(`/proc/self/ns/${name}`),
  );
  const inside = (
    await said(`for n in ${names.join(" ")}; do readlink /proc/self/ns/$n; done`)
  ).split("\n");
  const { namespace } = stage().world;
  for (const [at, name] of names.entries()) {
    expect(inside[at]).toMatch(new RegExp(`^${name}:`));
    expect(inside[at]).not.toBe(await readlink(`/proc/${namespace.pid}/ns/${name}`));
  }
});

test("only the container's own processes are seen", async () => {
  expect((await said("ps -o pid= | wc -l")).trim()).toMatch(/^[1-4]$/);
});

test("masked paths are empty and read-only ones cannot be written", async () => {
  expect(await said("cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c")).toBe("0");
  expect(
    await said(
      "ls /sys/firmware /proc/acpi /proc/scsi 2>/dev/null | grep -v : | grep -c . || true",
    ),
  ).toBe("0");
  for (const path of [
    "/proc/sys/kernel/domainname",
    "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity",
  ]) {
    expect((await stage().sh(`test -e ${path} || exit 1; echo x 2>/dev/null > ${path}`)).code).toBe(
      1,
    );
  }
  expect((await stage().sh("mkdir /sys/fs/cgroup/x")).code).toBe(1);
});

test("the mounts have Docker's options", async () => {
  const mounts = await said("cat /proc/mounts");
  const options = (target: string) =>
    mounts
      .split("\n")
      .find((line) => line.split(" ")[1] === target)
      ?.split(" ")
      .slice(2, 4)
      .join(" ") ?? "";
  expect(options("/")).toMatch(/^overlay rw,/);
  expect(options("/proc")).toBe("proc rw,nosuid,nodev,noexec,relatime");
  expect(options("/dev")).toMatch(/^tmpfs rw,nosuid,size=65536k,mode=755/);
  expect(options("/dev/pts")).toMatch(
    /^devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666/,
  );
  expect(options("/dev/shm")).toMatch(/^tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k/);
  expect(options("/dev/mqueue")).toMatch(/^mqueue rw,nosuid,nodev,noexec,relatime/);
  expect(options("/sys")).toBe("sysfs ro,nosuid,nodev,noexec,relatime");
});

test("/dev has Docker's devices, and no more can be opened", async () => {
  // `core` is there where the kernel has what it leads to.
  expect(await said("ls /dev | grep -v core | tr '\\n' ' '")).toBe(
    "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero",
  );
  expect(
    await said("head -c 4 /dev/urandom | wc -c; echo x > /dev/null; head -c 3 /dev/zero | wc -c"),
  ).toBe("4\n3");
  const node = await stage().sh("mknod /tmp/d b 8 0 && head -c 1 /tmp/d");
  expect(node.code).toBe(1);
  expect(node.stderr).toMatch(/not permitted|No such device/);
});

test("the container's root never shows in the mount table outside", async () => {
  const { world } = stage();
  const before = await world.namespace.mounts();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  expect(await world.namespace.mounts()).toEqual(before);
  await world.rtOutput(["rm", "-f", id]);
});

test("a working directory that climbs out of the image stays inside", async () => {
  const { world, registry } = stage();
  const image = await buildBusybox({
    config: { Cmd: ["pwd"], WorkingDir: "/../../../../work", Env: ["PATH=/bin"] },
  });
  await registry.push("hostile/workdir:latest", image);
  const ran = await world.rt(["run", "--rm", "-q", `${registry.host}/hostile/workdir`]);
  expect(ran).toEqual({ code: 0, stdout: "/work\n", stderr: "" });
});
