import { beforeAll, expect, test } from "bun:test";
import { chown, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { buildSeeded } from "../support/seeded.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

beforeAll(async () => {
  const { world, registry } = stage();
  await registry.push("library/seeded:latest", await buildSeeded());
  await world.rtOutput(["pull", "-q", "seeded"]);
});

interface MountPoint {
  Type: string;
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: string;
}

async function mountsOf(container: string): Promise<MountPoint[]> {
  const format = "{{json .Mounts}}";
  return JSON.parse(await stage().world.rtOutput(["inspect", "-f", format, container]));
}

test("a subpath of a volume is mounted alone, and must be there", async () => {
  const { world, sh } = stage();
  await sh("mkdir -p /v/a/b && echo inner > /v/a/b/file", ["-v", "parts:/v"]);
  const mount = (subpath: string) => [
    ...["--mount", `type=volume,src=parts,dst=/part,volume-subpath=${subpath}`],
  ];
  expect((await sh("cat /part/file; ls /part/..", mount("a/b"))).stdout).toStartWith("inner\n");
  expect((await sh("cat /part", mount("a/b/file"))).stdout).toBe("inner\n");
  const absent = await sh("true", mount("a/none"));
  expect(absent.code).toBe(125);
  expect(absent.stderr).toMatch(/cannot access path \S+\/parts\/_data\/a\/none: no such file/);
  const outside = await sh("true", mount("../.."));
  expect(outside.stderr).toContain("subpath must be a relative path within the volume");
  await world.rtOutput(["volume", "rm", "parts"]);
});

test("a subpath that is a link does not lead out of the volume", async () => {
  const { world, sh, daemon } = stage();
  await sh("ln -s /etc /v/etc; ln -s ../../.. /v/up; mkdir /v/in; ln -s in /v/ok", ["-v", "ln:/v"]);
  for (const path of ["etc", "up", "up/rt.db"]) {
    const mount = `type=volume,src=ln,dst=/part,volume-subpath=${path}`;
    const ran = await sh("ls /part", ["--mount", mount]);
    expect(ran.code).toBe(125);
    expect(ran.stderr).toContain("it leads out of the volume");
  }
  const inside = "type=volume,src=ln,dst=/part,volume-subpath=ok";
  expect((await sh("touch /part/here", ["--mount", inside])).code).toBe(0);
  expect(await stat(`${daemon.dataRoot}/volumes/ln/_data/in/here`)).toBeDefined();
  await world.rtOutput(["volume", "rm", "ln"]);
});

test("a volume of type tmpfs is mounted in the container alone", async () => {
  const { world, sh } = stage();
  const options = ["type=tmpfs", "device=tmpfs", "o=size=2m,uid=5,mode=700"];
  await world.rtOutput(["volume", "create", ...options.flatMap((o) => ["-o", o]), "mem"]);
  const before = await world.namespace.mounts();
  const ran = await sh("grep ' /m ' /proc/mounts; stat -c '%u %a' /m; touch /m/x", [
    "-v",
    "mem:/m",
  ]);
  expect(ran.stdout).toMatch(/^tmpfs \/m tmpfs rw,relatime,size=2048k,mode=700,uid=5.*\n5 700\n$/);
  expect(await world.namespace.mounts()).toEqual(before);
  const ro = await sh("touch /m/x", ["-v", "mem:/m:ro"]);
  expect(ro.stderr).toContain("Read-only file system");
  await world.rtOutput(["volume", "rm", "mem"]);
});

test("a volume with o=bind shows a directory of the host, which it is filled into", async () => {
  const { world, sh } = stage();
  const dir = world.path("device");
  await mkdir(dir);
  const options = ["type=none", `device=${dir}`, "o=bind"];
  await world.rtOutput(["volume", "create", ...options.flatMap((o) => ["-o", o]), "dev"]);
  const run = ["run", "--rm", "-v", "dev:/srv/data", "seeded", "sh", "-c"];
  expect(await world.rtOutput([...run, "cat /srv/data/sub/file; echo x > /srv/data/mine"])).toBe(
    "from the image",
  );
  expect(await readFile(`${dir}/mine`, "utf8")).toBe("x\n");
  await world.rtOutput(["volume", "rm", "dev"]);
  expect(await readFile(`${dir}/mine`, "utf8")).toBe("x\n");
  const gone = ["type=none", `device=${dir}/absent`, "o=bind"];
  await world.rtOutput(["volume", "create", ...gone.flatMap((o) => ["-o", o]), "gone"]);
  expect((await sh("true", ["-v", "gone:/x"])).code).toBe(125);
  await world.rtOutput(["volume", "rm", "gone"]);
});

test("a file system that cannot be mounted says what was tried", async () => {
  const { world, sh } = stage();
  const options = ["type=no-such-fs", "device=/dev/null", "o=ro"];
  await world.rtOutput(["volume", "create", ...options.flatMap((o) => ["-o", o]), "odd"]);
  const ran = await sh("true", ["-v", "odd:/x"]);
  expect(ran.code).toBe(125);
  expect(ran.stderr).toContain(
    'failed to mount local volume: mount /dev/null (type no-such-fs): this kernel has no file system "no-such-fs"',
  );
  await world.rtOutput(["volume", "rm", "odd"]);
});

test("--mount makes a volume with the options, labels and driver that it names", async () => {
  const { world, sh } = stage();
  const flags = "type=volume,src=made,dst=/m,volume-label=a=b,volume-driver=local";
  const options = 'volume-opt=type=tmpfs,volume-opt=device=tmpfs,"volume-opt=o=size=1m,mode=711"';
  expect((await sh("stat -c %a /m", ["--mount", `${flags},${options}`])).stdout).toBe("711\n");
  expect(
    await world.rtOutput(["volume", "inspect", "-f", "{{json .Labels}} {{json .Options}}", "made"]),
  ).toBe('{"a":"b"} {"device":"tmpfs","o":"size=1m,mode=711","type":"tmpfs"}');
  for (const args of [
    ["--mount", "type=volume,src=made2,dst=/m,volume-driver=odd"],
    ["--volume-driver", "odd", "-v", "made2:/m"],
    ["--volume-driver", "odd", "-v", "/m"],
  ]) {
    const ran = await sh("true", args);
    expect(ran.code).toBe(125);
    expect(ran.stderr).toContain('plugin "odd" not found');
  }
  await world.rtOutput(["volume", "rm", "made"]);
});

test("--volumes-from takes all mounts of another container, read-only if so asked", async () => {
  const { world, sh } = stage();
  await mkdir(world.path("bound"));
  const source = await world.rtOutput([
    ...["create", "--name", "giver", "-v", "named:/n", "-v", "/anon", "--tmpfs", "/t"],
    ...["-v", `${world.path("bound")}:/b`, "busybox"],
  ]);
  const from = ["--volumes-from", "giver"];
  expect((await sh("echo x | tee /n/f /anon/f /b/f; test -e /t; echo $?", from)).stdout).toBe(
    "x\n1\n",
  );
  expect((await sh("cat /n/f /anon/f /b/f", from)).stdout).toBe("x\nx\nx\n");
  const ro = await sh("touch /n/g", ["--volumes-from", "giver:ro"]);
  expect(ro.stderr).toContain("Read-only file system");
  const other = await sh("ls /n", [...from, "-v", "other:/n"]);
  expect(other.stdout).toBe("");
  // Two have the anonymous volume: it goes with the last of them.
  const taker = await world.rtOutput(["create", ...from, "busybox"]);
  await world.rtOutput(["rm", "-v", source]);
  const points = await mountsOf(taker);
  const anonymous = points.find(({ Destination }) => Destination === "/anon");
  await world.rtOutput(["volume", "inspect", anonymous?.Name ?? ""]);
  await world.rtOutput(["rm", "-v", taker]);
  expect((await world.rt(["volume", "inspect", anonymous?.Name ?? ""])).code).toBe(1);
  const absent = await world.rt(["create", "--volumes-from", "nobody", "busybox"]);
  expect(absent.stderr).toContain("No such container: nobody");
  const odd = await world.rt(["create", "--volumes-from", `${taker}:odd`, "busybox"]);
  expect(odd.stderr).toContain("invalid mode for volumes-from: odd");
  await world.rtOutput(["volume", "rm", "named", "other"]);
});

test("an image is mounted read-only, whole or in part, and stays while it is in use", async () => {
  const { world, sh } = stage();
  const whole = ["--mount", "type=image,src=seeded,dst=/img"];
  const ran = await sh("cat /img/srv/data/upper; ls /img/srv/data; touch /img/x", whole);
  expect(ran.stdout).toBe("from above\nagain\nlink\nsub\nupper\n");
  expect(ran.stderr).toContain("Read-only file system");
  const part = [...whole];
  part[1] += ",image-subpath=srv/data/sub";
  expect((await sh("cat /img/file; ls /img", part)).stdout).toBe("from the image\nfile\n");
  const out = [...whole];
  out[1] += ",image-subpath=srv/nothing";
  expect((await sh("true", out)).stderr).toContain("cannot access path");
  const id = await world.rtOutput(["create", ...whole, "busybox"]);
  expect((await mountsOf(id))[0]).toMatchObject({ Type: "image", Source: "seeded", RW: false });
  const removed = await world.rt(["rmi", "seeded"]);
  expect(removed.code).toBe(1);
  expect(removed.stderr).toContain(`container ${id.slice(0, 12)} is using its referenced image`);
  await world.rtOutput(["rm", id]);
  const absent = await world.rt(["create", "--mount", "type=image,src=nope,dst=/i", "busybox"]);
  expect(absent.stderr).toContain("nope");
});

test("a read-only bind is read-only all the way down, unless asked otherwise", async () => {
  const { world, sh } = stage();
  const dir = world.path("tree");
  await mkdir(`${dir}/sub`, { recursive: true });
  expect((await world.run(["mount", "-t", "tmpfs", "tmpfs", `${dir}/sub`])).code).toBe(0);
  const touch = async (options: string) => {
    const mount = `type=bind,src=${dir},dst=/tree,readonly${options}`;
    const ran = await sh("touch /tree/x; touch /tree/sub/x", ["--mount", mount]);
    return ran.stderr.split("\n").filter((line) => line.includes("Read-only")).length;
  };
  expect(await touch("")).toBe(2);
  expect(await touch(",bind-recursive=enabled")).toBe(2);
  expect(await touch(",bind-recursive=readonly,bind-propagation=rprivate")).toBe(2);
  expect(await touch(",bind-recursive=writable")).toBe(1);
  const alone = await sh("ls -A /tree/sub", [
    ...["--mount", `type=bind,src=${dir},dst=/tree,bind-recursive=disabled`],
  ]);
  expect(alone.stdout).toBe("");
  const refused = await sh("true", [
    ...["--mount", `type=bind,src=${dir},dst=/tree,bind-recursive=readonly`],
  ]);
  expect(refused.stderr).toContain("'bind-recursive=readonly' requires 'readonly'");
  expect((await world.run(["umount", `${dir}/sub`])).code).toBe(0);
});

test("bind-create-src makes a source, which --mount otherwise wants to be there", async () => {
  const { world, sh } = stage();
  const mount = `type=bind,src=${world.path("newdir")},dst=/d`;
  expect((await sh("true", ["--mount", mount])).code).toBe(125);
  expect((await sh("true", ["--mount", `${mount},bind-create-src`])).code).toBe(0);
});

test("bind-idmap shows the owners of a bind as others, both ways", async () => {
  const { world, sh } = stage();
  const dir = world.path("mapped");
  await mkdir(dir);
  await writeFile(`${dir}/file`, "x");
  for (const path of [dir, `${dir}/file`]) await chown(path, 1000, 1001);
  const script = "stat -c %u:%g /d/file; touch /d/new; stat -c %u:%g /d/new";
  const maps = ["bind-idmap", '"bind-idmap=uids=0:1000:1;gids=0:1001:1"', "bind-idmap=owner"];
  for (const map of maps) {
    const ran = await sh(script, ["--mount", `type=bind,src=${dir},dst=/d,${map}`]);
    expect(ran).toEqual({ code: 0, stdout: "0:0\n0:0\n", stderr: "" });
    const made = await stat(`${dir}/new`);
    expect([made.uid, made.gid]).toEqual([1000, 1001]);
    await world.run(["rm", `${dir}/new`]);
  }
  const shifted = await sh("stat -c %u:%g /d/file", [
    ...["--mount", `type=bind,src=${dir},dst=/d,bind-idmap=500:1000:2`],
  ]);
  expect(shifted.stdout).toBe("500:501\n");
  const bad = await sh("true", ["--mount", `type=bind,src=${dir},dst=/d,bind-idmap=1:2`]);
  expect(bad.stderr).toContain('invalid id map "1:2"');
  // procfs has no idmapped mounts.
  const proc = await sh("true", ["--mount", "type=bind,src=/proc/sys,dst=/d,bind-idmap=0:0:1"]);
  expect(proc.code).toBe(125);
  expect(proc.stderr).toContain("no idmapped mounts");
});

test("tmpfs-size, tmpfs-mode and tmpfs-opt", async () => {
  const mount = "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1700,tmpfs-opt=uid=9,tmpfs-opt=exec";
  const ran = await stage().sh("grep ' /t ' /proc/mounts; stat -c '%a %u' /t", ["--mount", mount]);
  expect(ran.stdout).toMatch(/size=1024k,mode=1700,uid=9/);
  expect(ran.stdout).not.toContain("noexec");
  expect(ran.stdout).toContain("1700 9\n");
});

test("inspect shows mounts in Docker's shape, and ps finds them", async () => {
  const { world, daemon } = stage();
  const dir = world.path("shape");
  await mkdir(dir);
  const id = await world.rtOutput([
    ...["create", "-v", `${dir}:/a:ro,z`, "-v", "shape:/b", "-v", "/c", "--tmpfs", "/d"],
    ...["--mount", "type=tmpfs,dst=/e", "--mount", "type=volume,src=shape,dst=/f,readonly"],
    "busybox",
  ]);
  const points = await mountsOf(id);
  const anonymous = points[2]?.Name ?? "";
  const volume = (name: string, target: string, mode: string, writable: boolean) => ({
    ...{ Type: "volume", Name: name, Source: `${daemon.dataRoot}/volumes/${name}/_data` },
    ...{ Destination: target, Driver: "local", Mode: mode, RW: writable, Propagation: "" },
  });
  expect(points).toEqual([
    {
      Type: "bind",
      Source: dir,
      Destination: "/a",
      Mode: "ro,z",
      RW: false,
      Propagation: "rprivate",
    },
    volume("shape", "/b", "z", true),
    volume(anonymous, "/c", "", true),
    { Type: "tmpfs", Source: "", Destination: "/e", Mode: "", RW: true, Propagation: "" },
    volume("shape", "/f", "z", false),
  ]);
  for (const value of ["shape", "/b", dir, anonymous]) {
    const listed = ["ps", "-aq", "--no-trunc", "--filter", `volume=${value}`];
    expect(await world.rtOutput(listed)).toBe(id);
  }
  const binds = await world.rtOutput(["inspect", "-f", "{{json .HostConfig.Binds}}", id]);
  expect(JSON.parse(binds)).toEqual([`${dir}:/a:ro,z`, "shape:/b"]);
  await world.rtOutput(["rm", "-v", id]);
  await world.rtOutput(["volume", "rm", "shape"]);
});

test("a link of the host is followed to the directory that is bound", async () => {
  const { world, sh } = stage();
  await mkdir(world.path("real"));
  await writeFile(world.path("real", "f"), "x\n");
  await symlink("real", world.path("alias"));
  expect((await sh("cat /d/f", ["-v", `${world.path("alias")}:/d`])).stdout).toBe("x\n");
});
