import { expect, test } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { buildBusybox } from "../support/images.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

/** A container does what it can to lead a copy astray; the host's own files must never be touched or read. */

const stage = useStage();

const secret = "canary of the host";

/** A directory of the host that no copy may reach. */
async function canary(name: string): Promise<string> {
  const path = stage().world.path(name);
  await mkdir(path);
  await writeFile(`${path}/secret`, secret);
  return path;
}

async function expectUntouched(path: string): Promise<void> {
  expect(await readdir(path)).toEqual(["secret"]);
  expect(await readFile(`${path}/secret`, "utf8")).toBe(secret);
}

test("a container that exchanges a directory and a link all the time leads nothing out", async () => {
  const { world } = stage();
  const host = await canary("outside");
  // "x" is now a directory, now a link to a path that only the host has.
  const script = [
    `mkdir -p /x && echo of the container >/x/secret && ln -s ${host} /y`,
    "echo ready",
    "while :; do mv /x /t; mv /y /x; mv /t /y; mv /x /t; mv /y /x; mv /t /y; done",
  ].join("; ");
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", script]);
  await world.spawnRt(["logs", "-f", id]).prints("ready");
  await mkdir(world.path("plant"));
  await writeFile(world.path("plant/planted"), "planted");
  let [read, written] = [0, 0];
  for (let round = 0; round < 60; round++) {
    const out = await world.rt(["cp", `${id}:/x/secret`, "-"]);
    expect(out.stdout).not.toContain(secret);
    read += Number(out.stdout.includes("of the container"));
    const whole = await world.rt(["cp", `${id}:/x/`, "-"]);
    expect(whole.stdout).not.toContain(secret);
    const to = round % 2 === 0 ? "/x/" : "/x/secret";
    const ran = await world.rt(["cp", world.path("plant/planted"), `${id}:${to}`]);
    written += Number(ran.code === 0);
  }
  await expectUntouched(host);
  expect(read).toBeGreaterThan(0);
  expect(written).toBeGreaterThan(0);
  await world.rtOutput(["rm", "-f", id]);
});

test("links that are prepared in an image's layers lead inside, in a stopped container too", async () => {
  const { world } = stage();
  const host = await canary("prepared");
  await writeFile(world.path("planted"), "planted");
  const script = `ln -s ${host} /abs; ln -s ../../../../../..${host} /rel; ln -s /proc/self/root${host} /magic; ln -s /proc/1/root${host} /one`;
  const id = await world.rtOutput(["create", "busybox", "sh", "-c", script]);
  await world.rtOutput(["start", "-a", id]);
  for (const link of ["/abs", "/rel", "/magic", "/one"]) {
    expect((await world.rt(["cp", world.path("planted"), `${id}:${link}/`])).code).toBe(1);
    expect((await world.rt(["cp", `${id}:${link}/secret`, "-"])).stdout).not.toContain(secret);
    expect((await world.rt(["cp", "-L", `${id}:${link}`, world.path("got")])).code).toBe(1);
  }
  await expectUntouched(host);
  await world.rtOutput(["rm", "-f", id]);
});

test("magic links of procfs lead nowhere while the container runs", async () => {
  const { world, daemon } = stage();
  const id = await world.rtOutput(["run", "-d", "--pid", "host", "busybox", "sleep", "1000"]);
  for (const path of [`/proc/${daemon.pid}/root/etc/passwd`, `/proc/${daemon.pid}/cwd/`]) {
    expect((await world.rt(["cp", `${id}:${path}`, "-"])).code).toBe(1);
  }
  await world.rtOutput(["rm", "-f", id]);
});

test("trojan tools and libraries of the image are never run by cp, export, diff or commit", async () => {
  const { world, registry } = stage();
  const trojan = `#!/bin/sh\necho "$0 $*" >>/triggered\necho "$0" >>${world.path("triggered")}\n`;
  const tools = ["tar", "gzip", "xz", "unpigz", "ps", "cp", "docker-tar", "rt-monitor", "sh2"];
  const files = tools.flatMap((name) =>
    ["usr/bin", "usr/local/bin", "sbin"].map((at) => ({ name: `${at}/${name}`, content: trojan })),
  );
  const library = { name: "lib/x86_64-linux-gnu/libnss_files.so.2", content: "not a library" };
  const base = await buildBusybox();
  const { buildImage } = await import("../../scripts/image.ts");
  const image = buildImage({
    layers: [
      [
        { name: "usr", type: "directory" },
        ...files,
        library,
        { name: "etc/nsswitch.conf", content: "passwd: files evil\n" },
      ],
    ],
    config: { Cmd: ["/trojan"] },
  });
  expect(base.digest).not.toBe(image.digest);
  await registry.push("library/trojan:latest", image);
  const id = await world.rtOutput(["create", "--pull", "always", "trojan", "/absent"]);
  await writeFile(world.path("planted"), "planted");
  await world.rtOutput(["cp", world.path("planted"), `${id}:/tmp-file`]);
  await world.rtOutput(["cp", "-a", world.path("planted"), `${id}:/usr/x`]);
  await world.rtOutput(["cp", `${id}:/usr`, world.path("usr")]);
  await world.rtOutput(["export", "-o", world.path("trojan.tar"), id]);
  await world.rtOutput(["commit", id, "again"]);
  expect(await world.rtOutput(["diff", id])).toBe("A /tmp-file\nC /usr\nA /usr/x");
  expect((await world.rt(["cp", `${id}:/triggered`, "-"])).code).toBe(1);
  expect(await readdir(world.root)).not.toContain("triggered");
  await world.rtOutput(["rm", id]);
  await world.rtOutput(["rmi", "again", "trojan"]);
});

test("pipes, sockets and devices neither hold a copy nor are opened", async () => {
  const { world } = stage();
  const script =
    "mkdir /odd; mkfifo /odd/pipe; mknod /odd/null c 1 3; nc -l -p 1 -s /odd/s 2>/dev/null; echo ready; exec sleep 1000";
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", script]);
  await world.spawnRt(["logs", "-f", id]).prints("ready");
  const ran = await world.rt(["cp", `${id}:/odd`, "-"]);
  expect(ran.code).toBe(0);
  const refused = await world.rt(["cp", world.path("no"), `${id}:/odd/pipe`]);
  expect(refused.stderr).toContain("got an irregular file");
  await world.rtOutput(["rm", "-f", id]);
});

test("a container that ends or is removed in the middle of a copy leaves nothing mounted", async () => {
  const { world } = stage();
  for (let round = 0; round < 5; round++) {
    const id = await world.rtOutput(["run", "-d", "busybox", "sleep", "1000"]);
    const copies = [1, 2, 3].map(() => world.rt(["cp", `${id}:/`, "-"]));
    await world.rtOutput(["rm", "-f", id]);
    await Promise.all(copies);
  }
  const mounts = async () => (await world.namespace.mounts()).filter((each) => /upper/.test(each));
  await until("no mount to be left", async () => (await mounts()).length === 0);
});
