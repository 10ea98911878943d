import { expect, test } from "bun:test";
import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { buildImage, type Entry } from "../../scripts/image.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

const shell = Bun.file(Bun.which("busybox") ?? "");

/** An image of a shell and of these entries. */
async function push(name: string, entries: Entry[]): Promise<string> {
  const { registry } = stage();
  const content = await shell.bytes();
  const tools = ["sh", "cat", "ls", "readlink", "stat", "wc", "mount"].map(
    (tool): Entry => ({ name: `bin/${tool}`, type: "symlink", target: "busybox" }),
  );
  const busybox: Entry = { name: "bin/busybox", content };
  const layer: Entry[] = [{ name: "bin", type: "directory" }, busybox, ...tools];
  const image = buildImage({
    layers: [[...layer, { name: "tmp", type: "directory" }, ...entries]],
    config: { Env: ["PATH=/bin"], Cmd: ["sh"] },
  });
  await registry.push(`hostile/${name}:latest`, image);
  return `${registry.host}/hostile/${name}`;
}

const targets = {
  absolute: "/tmp",
  relative: "../../../../tmp",
  descriptor: "/proc/self/fd/3",
  dangling: "/nowhere/at/all",
  itself: ".",
};

for (const [kind, target] of Object.entries(targets)) {
  test(`an image whose /dev, /proc, /sys and /etc are ${kind} links runs, on real ones`, async () => {
    const { world } = stage();
    const links = ["dev", "proc", "sys", "etc"].map(
      (name): Entry => ({ name, type: "symlink", target }),
    );
    const image = await push(`links-${kind}`, links);
    const script = [
      "for d in /dev /proc /sys /etc; do test -d $d -a ! -L $d && echo $d; done",
      "ls /tmp | wc -l; readlink /proc/self/exe; test -c /dev/null && cat /etc/hostname",
    ].join("; ");
    const ran = await world.rt([
      ...["run", "--rm", "-q", "--hostname", "inside", image, "sh", "-c", script],
    ]);
    expect(ran).toEqual({
      code: 0,
      stdout: "/dev\n/proc\n/sys\n/etc\n0\n/bin/busybox\ninside\n",
      stderr: "",
    });
  });
}

test("an image in which they are files, FIFOs or devices runs too", async () => {
  const { world } = stage();
  const image = await push("kinds", [
    { name: "dev", content: "a file\n" },
    { name: "proc", type: "fifo" },
    { name: "sys", content: "" },
    { name: "etc", type: "fifo" },
  ]);
  const ran = await world.rt(["run", "--rm", "-q", image, "sh", "-c", "cat /etc/hostname | wc -l"]);
  expect(ran).toEqual({ code: 0, stdout: "1\n", stderr: "" });
});

test("the nodes of every container are Docker's", async () => {
  const said = async (script: string) => (await stage().sh(script)).stdout;
  expect(await said("stat -c '%n %F %a %u:%g' /.dockerenv /etc/mtab /etc /proc/../etc")).toBe(
    [
      "/.dockerenv regular empty file 755 0:0",
      "/etc/mtab symbolic link 777 0:0",
      "/etc directory 755 0:0",
      "/proc/../etc directory 755 0:0",
      "",
    ].join("\n"),
  );
  expect(await said("readlink /etc/mtab; grep -c ' / overlay ' /etc/mtab")).toBe(
    "/proc/mounts\n1\n",
  );
});

test("what is beside the nodes in the image shows through", async () => {
  const ran = await stage().sh("head -n 1 /etc/passwd | cut -d : -f 1");
  expect(ran.stdout).toBe("root\n");
});

test("who owns an image's /etc, and who may write in it, is the image's to say", async () => {
  const { world } = stage();
  const etc: Entry = { name: "etc", type: "directory", mode: 0o2770, uid: 1000, gid: 7 };
  const image = await push("own-etc", [etc, { name: "etc/mine", content: "kept\n" }]);
  const script = "stat -c '%a %u:%g' /etc; cat /etc/mine; echo new >/etc/new && ls -A /etc";
  const ran = await world.rt(["run", "--rm", "-q", "-u", "1000:7", image, "sh", "-c", script]);
  expect(ran).toEqual({
    code: 0,
    stdout: "2770 1000:7\nkept\nhostname\nhosts\nmine\nmtab\nnew\nresolv.conf\n",
    stderr: "",
  });
});

test("it is in no diff and no commit, and in an export as Docker has it", async () => {
  const { world } = stage();
  const image = await push("bare", []);
  const id = await world.rtOutput(["run", "-dq", image, "sh", "-c", "echo x >/etc/mine"]);
  await world.rtOutput(["wait", id]);
  expect(await world.rtOutput(["diff", id])).toBe("C /etc\nA /etc/mine");
  await world.rtOutput(["commit", id, "bare:one"]);
  const base = await world.rtOutput(["inspect", "-f", "{{len .RootFS.Layers}}", "bare:one"]);
  expect(base).toBe("2");
  await world.rtOutput(["export", "-o", world.path("bare.tar"), id]);
  const exported = (await world.run(["tar", "-tf", world.path("bare.tar")])).stdout.split("\n");
  expect(exported.filter((name) => /^(\.d|dev|etc|proc|sys)/.test(name)).sort()).toEqual([
    ...[".dockerenv", "dev/", "dev/console", "dev/pts/", "dev/shm/", "etc/", "etc/hostname"],
    ...["etc/hosts", "etc/mine", "etc/mtab", "etc/resolv.conf", "proc/", "sys/"],
  ]);
  await world.rtOutput(["rm", id]);
  await world.rtOutput(["rmi", "bare:one"]);
});

test("nothing that a container does to them reaches another one", async () => {
  const { world } = stage();
  const id = await world.rtOutput([
    ...["create", "busybox", "sh", "-c"],
    "echo x >/.dockerenv; rm /etc/mtab; mkdir /etc/mtab; umount /etc/hosts; echo y >/etc/hosts",
  ]);
  await world.rt(["start", "-a", id]);
  expect((await stage().sh("wc -c </.dockerenv; readlink /etc/mtab")).stdout).toBe(
    "0\n/proc/mounts\n",
  );
  await world.rtOutput(["rm", id]);
});

test("a daemon that finds it damaged makes it anew, and containers go on", async () => {
  const { world, daemon, registry } = stage();
  const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
  const layer = `${daemon.dataRoot}/init/layer`;
  await rm(`${layer}/proc`, { recursive: true });
  await writeFile(`${layer}/etc/passwd`, "intruder::0:0::/:/bin/sh\n");
  await daemon.stop();
  await world.daemon({ mirrors: [registry.url] });
  expect((await stat(`${layer}/proc`)).isDirectory()).toBeTrue();
  expect((await readdir(`${layer}/etc`)).sort()).toEqual([
    ...["hostname", "hosts", "mtab", "resolv.conf"],
  ]);
  expect(await world.rtOutput(["exec", id, "cat", "/etc/hostname"])).toBe(id.slice(0, 12));
  expect((await stage().sh("grep -c intruder /etc/passwd")).stdout).toBe("0\n");
  await world.rtOutput(["rm", "-f", id]);
});
