import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage();

/** A container that has run this script to its end. */
async function after(script: string, flags: string[] = []): Promise<string> {
  const { world } = stage();
  const id = await world.rtOutput(["create", ...flags, "busybox", "sh", "-c", script]);
  await world.rtOutput(["start", "-a", id]);
  return id;
}

/** Names in the archive on a command's stdout. */
async function names(...args: string[]): Promise<string[]> {
  const { world } = stage();
  const ran = await world.run(["sh", "-c", `${[rtPath, ...args].join(" ")} | tar -tf - | sort`]);
  expect(ran.stderr).toBe("");
  return ran.stdout.trim().split("\n");
}

const busy = [
  "echo x >/root/added",
  "mkdir -p /new/deep && echo y >/new/deep/file",
  "rm /bin/vi",
  "echo z >>/etc/passwd",
  "rm -r /tmp && mkdir -m 1777 /tmp",
].join("; ");

test("diff tells what was added, changed and deleted, and nothing of the engine's own", async () => {
  const { world } = stage();
  const id = await after(busy, ["-v", "/vol"]);
  expect((await world.rtOutput(["diff", id])).split("\n")).toEqual([
    "C /bin",
    "D /bin/vi",
    "C /etc",
    "C /etc/passwd",
    "A /new",
    "A /new/deep",
    "A /new/deep/file",
    "C /root",
    "A /root/added",
  ]);
  const docker = await world.docker(["diff", id]);
  expect(docker.stdout.trim()).toBe(await world.rtOutput(["diff", id]));
  await world.rtOutput(["rm", "-v", id]);
});

test("a container that has changed nothing has no changes", async () => {
  const { world } = stage();
  const id = await after("true", ["-v", "/deep/volume"]);
  expect(await world.rtOutput(["diff", id])).toBe("");
  const fresh = await world.rtOutput(["create", "busybox"]);
  expect(await world.rtOutput(["diff", fresh])).toBe("");
  await world.rtOutput(["rm", "-v", id, fresh]);
});

test("a directory made anew hides what was in it", async () => {
  const { world } = stage();
  const id = await after("rm -r /etc; mkdir /etc; echo new >/etc/only");
  const lines = (await world.rtOutput(["diff", id])).split("\n");
  expect(lines).toContain("D /etc/passwd");
  expect(lines).toContain("A /etc/only");
  await world.rtOutput(["commit", id, "emptied"]);
  expect((await world.rt(["run", "--rm", "emptied", "ls", "/etc"])).stdout.split("\n")).toEqual([
    "hostname",
    "hosts",
    "mtab",
    "only",
    "resolv.conf",
    "",
  ]);
  await world.rtOutput(["rm", id]);
  await world.rtOutput(["rmi", "emptied"]);
});

test("export is the whole root without what is mounted, from a running container too", async () => {
  const { world } = stage();
  const running = await world.rtOutput([
    ...["run", "-d", "-v", "/vol", "busybox"],
    ...["sh", "-c", "echo x >/vol/hidden; echo y >/seen; echo ready; sleep 1000"],
  ]);
  const log = world.spawnRt(["logs", "-f", running]);
  await log.prints("ready");
  const created = await world.rtOutput(["create", "busybox"]);
  for (const id of [running, created]) {
    const found = await names("export", id);
    expect(found).toContain("bin/busybox");
    expect(found).toContain("etc/passwd");
    expect(found.includes("seen")).toBe(id === running);
    // What lies on top of every image is exported with it, as Docker does.
    expect(found.filter((name) => /^(proc|sys|dev|vol)\/.|^\.|^etc\/(h|m|r)/.test(name))).toEqual([
      ...[".dockerenv", "dev/console", "dev/pts/", "dev/shm/"],
      ...["etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"],
    ]);
  }
  await world.rtOutput(["rm", "-fv", running, created]);
});

test("export -o leaves a whole file or none, and a terminal is refused", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["create", "busybox"]);
  await world.rtOutput(["export", "-o", world.path("whole.tar"), id]);
  expect((await world.run(["tar", "-tf", world.path("whole.tar")])).stdout).toContain(
    "bin/busybox",
  );
  expect((await world.rt(["export", "-o", world.path("none.tar"), "no-such"])).code).toBe(1);
  const left = (await readdir(world.root)).filter((name) => /none|tmp\./.test(name));
  expect(left).toEqual([]);
  const terminal = world.spawnRt(["export", id], { terminal: { cols: 80, rows: 24 } });
  await terminal.prints("cowardly refusing to save to a terminal");
  expect((await terminal.finished()).code).toBe(1);
  await world.rtOutput(["rm", id]);
});

test("commit makes an image that runs, with what was changed and the settings asked for", async () => {
  const { world } = stage();
  const id = await after(busy, ["-e", "A=1"]);
  const image = await world.rtOutput([
    ...["commit", "-a", "Ada", "-m", "why", "-c", 'CMD ["cat", "/new/deep/file"]'],
    ...["-c", "ENV B=2 C='x y'", "-c", "LABEL l=v", "-c", "WORKDIR /new", "-c", "EXPOSE 80"],
    ...["-c", "USER guest", id, "made:one"],
  ]);
  expect(image).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect((await world.rt(["run", "--rm", "made:one"])).stdout).toBe("y\n");
  const script = "pwd; id -u; echo $A $B $C; ls /bin/vi; tail -n1 /etc/passwd";
  const ran = await world.rt(["run", "--rm", "made:one", "sh", "-c", script]);
  expect(ran.stdout).toBe("/new\n405\n1 2 x y\nz\n");
  const [about] = JSON.parse(await world.rtOutput(["inspect", "made:one"]));
  expect(about).toMatchObject({
    Id: image,
    Author: "Ada",
    Comment: "why",
    Config: { Labels: { l: "v" }, ExposedPorts: { "80/tcp": {} } },
  });
  const images = await world.rtOutput(["images", "--format", "{{.Repository}}:{{.Tag}}"]);
  expect(images.split("\n")).toContain("made:one");
  await world.rtOutput(["rm", id]);
  await world.rtOutput(["rmi", "made:one"]);
});

test("what is committed can be committed again, and base and layer are shared", async () => {
  const { world } = stage();
  const first = await after("echo one >/one");
  await world.rtOutput(["commit", first, "chain:1"]);
  const second = await world.rtOutput(["create", "chain:1", "sh", "-c", "rm /one; echo two >/two"]);
  await world.rtOutput(["start", "-a", second]);
  await world.rtOutput(["commit", second, "chain:2"]);
  const ran = await world.rt(["run", "--rm", "chain:2", "sh", "-c", "cat /two; ls /one"]);
  expect(ran.stdout).toBe("two\n");
  expect(ran.stderr).toContain("/one: No such file or directory");
  await world.rtOutput(["rm", first, second]);
  await world.rtOutput(["rmi", "chain:1"]);
  expect((await world.rt(["run", "--rm", "chain:2", "cat", "/two"])).stdout).toBe("two\n");
  await world.rtOutput(["rmi", "chain:2"]);
});

test("commit pauses a running container, and lets it go on", async () => {
  const { world } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const events = world.spawnRt([
    "events",
    "--format",
    "{{.Action}}",
    "--filter",
    `container=${id}`,
  ]);
  await until("somebody to listen", async () => (await stage().daemon.listeners()) > 0);
  await world.rtOutput(["commit", id, "paused"]);
  await events.prints(/pause\nunpause\ncommit\n/);
  events.kill("SIGTERM");
  expect(await world.rtOutput(["inspect", "-f", "{{.State.Status}}", id])).toBe("running");
  await world.rtOutput(["rm", "-f", id]);
  await world.rtOutput(["rmi", "paused"]);
});

test("a change that is none is refused, and nothing is left", async () => {
  const { world } = stage();
  const id = await after("true");
  const before = await world.rtOutput(["images", "-q"]);
  const refused = await world.rt(["commit", "-c", "RUN x", id, "never"]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("run is not a valid change command");
  expect(await world.rtOutput(["images", "-q"])).toBe(before);
  await world.rtOutput(["rm", id]);
});

test("docker commit and docker export work too", async () => {
  const { world } = stage();
  const id = await after("echo x >/added");
  const made = await world.docker(["commit", "-c", "CMD cat /added", id, "by-docker:1"]);
  expect(made.stderr).toBe("");
  expect((await world.docker(["run", "--rm", "by-docker:1"])).stdout).toBe("x\n");
  await world.docker(["export", "-o", world.path("d.tar"), id]);
  expect((await world.run(["tar", "-tf", world.path("d.tar")])).stdout).toContain("added\n");
  await world.rtOutput(["rm", id]);
  await world.rtOutput(["rmi", "by-docker:1"]);
});
