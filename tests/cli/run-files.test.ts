import { expect, test } from "bun:test";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { useStage } from "../support/stage.ts";

const stage = useStage();

test("-v shows a directory of the host, and what is written there is the host's", async () => {
  const { world, sh } = stage();
  const dir = world.path("shared");
  await mkdir(dir);
  await writeFile(`${dir}/in`, "from the host\n");
  const ran = await sh("cat /data/in; echo from inside > /data/out", ["-v", `${dir}:/data`]);
  expect(ran).toEqual({ code: 0, stdout: "from the host\n", stderr: "" });
  expect(await readFile(`${dir}/out`, "utf8")).toBe("from inside\n");
});

test("-v with :ro cannot be written to", async () => {
  const { world, sh } = stage();
  const ran = await sh("echo x > /data/out", ["-v", `${world.path("shared")}:/data:ro`]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain("Read-only file system");
});

test("-v makes a missing directory of the host, --mount type=bind refuses it", async () => {
  const { world, sh } = stage();
  expect((await sh("true", ["-v", `${world.path("made")}:/data`])).code).toBe(0);
  expect((await stat(world.path("made"))).isDirectory()).toBe(true);
  const refused = await sh("true", ["--mount", `type=bind,src=${world.path("absent")},dst=/data`]);
  expect(refused.code).toBe(125);
  expect(refused.stderr).toContain("bind source path does not exist");
});

test("a bind of one file over a file of the image", async () => {
  const { world, sh } = stage();
  await writeFile(world.path("motd"), "hello\n");
  const ran = await sh("cat /etc/group", [
    "--mount",
    `type=bind,src=${world.path("motd")},dst=/etc/group,readonly`,
  ]);
  expect(ran.stdout).toBe("hello\n");
});

test("--tmpfs is an empty file system in memory with the options asked for", async () => {
  const ran = await stage().sh("grep ' /scratch ' /proc/mounts; touch /scratch/x", [
    "--tmpfs",
    "/scratch:size=1m,mode=700",
  ]);
  expect(ran.code).toBe(0);
  expect(ran.stdout).toMatch(
    /^tmpfs \/scratch tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k,mode=700/,
  );
});

test("--read-only leaves nothing to write to but tmpfs, binds and /dev/shm", async () => {
  const { sh } = stage();
  const refused = await sh("echo x > /x", ["--read-only"]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("Read-only file system");
  expect(
    (await sh("echo x > /run/x && echo y > /dev/shm/y", ["--read-only", "--tmpfs", "/run"])).code,
  ).toBe(0);
});

test("two mounts on one place are refused", async () => {
  const ran = await stage().sh("true", ["--tmpfs", "/a", "-v", "/tmp:/a"]);
  expect(ran.code).toBe(125);
  expect(ran.stderr).toContain("Duplicate mount point: /a");
});

test("--cidfile gets the id, and an existing file is refused", async () => {
  const { world } = stage();
  const file = world.path("cid");
  const id = await world.rtOutput(["create", "--cidfile", file, "busybox"]);
  expect(await readFile(file, "utf8")).toBe(id);
  const again = await world.rt(["create", "--cidfile", file, "busybox"]);
  expect(again.code).toBe(125);
  expect(again.stderr).toContain(file);
  await world.rtOutput(["rm", id]);
});

test("what one container writes, another does not see", async () => {
  const { sh } = stage();
  await sh("echo x > /bin/written");
  expect((await sh("test -e /bin/written")).code).toBe(1);
});

test("a container that is started again keeps what it has written", async () => {
  const { world } = stage();
  const script = "if test -e /once; then echo again; else echo first; touch /once; fi";
  const id = await world.rtOutput(["create", "busybox", "sh", "-c", script]);
  expect(await world.rtOutput(["start", "-a", id])).toBe("first");
  expect(await world.rtOutput(["start", "-a", id])).toBe("again");
  await world.rtOutput(["rm", id]);
});
