import { expect, test } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { buildTar, type Entry } from "../../scripts/image.ts";
import { buildBusybox } from "../support/images.ts";
import { buildMischief } from "../support/mischief.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

/** A container does what it can to lead a copy astray; the host's own files must never be touched or read. */

const stage = useStage();

const secret = "canary of the host";
/** Of a race, in both directions each. */
const rounds = process.env.RT_FULL === "1" ? 2000 : 60;

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
  const { world, registry, daemon } = stage();
  const host = await canary("outside");
  await registry.push("library/mischief:latest", await buildMischief());
  await world.rtOutput(["pull", "-q", "mischief"]);
  const archive = buildTar([{ name: "planted", content: "planted" }]);
  const tally = { read: 0, written: 0 };
  // "x" is now a directory, now a link to a path that only the host has.
  for (const link of [host, `${"../".repeat(20)}${host.slice(1)}`, `/proc/1/root${host}`, "/"]) {
    const prepare = `mkdir -p /x && echo of the container >/x/secret && ln -s '${link}' /y`;
    const command = ["sh", "-c", `${prepare}; exec /mischief exchange /x /y`];
    const id = await world.rtOutput(["run", "-d", "mischief", ...command]);
    await world.spawnRt(["logs", "-f", id]).prints("ready");
    const at = (path: string) => `/containers/${id}/archive?path=${path}`;
    for (let round = 0; round < rounds / 4; round++) {
      for (const path of ["/x/secret", "/x/", "/x"]) {
        const got = await daemon
          .request(at(path))
          .then((reply) => reply.text())
          .catch(String);
        expect(got).not.toContain(secret);
        tally.read += Number(got.includes("of the container"));
      }
      const to = round % 2 === 0 ? "/x/" : "/x";
      const headers = { "content-type": "application/x-tar" };
      const put = await daemon.request(at(to), { method: "PUT", headers, body: archive });
      tally.written += Number(put.ok);
      await put.text();
    }
    await world.rtOutput(["rm", "-f", id]);
  }
  await expectUntouched(host);
  expect(Math.min(tally.read, tally.written)).toBeGreaterThan(0);
  expect(daemon.alive).toBe(true);
}, 600_000);

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

test("trojan tools and libraries of the image are never run by cp, export, diff, commit or top", async () => {
  const { world, registry } = stage();
  const trojan = `#!/bin/sh\necho "$0 $*" >>/triggered\necho "$0" >>${world.path("triggered")}\n`;
  const tools = "tar gzip xz zstd bzip2 unpigz unxz ps cp docker-tar rt-monitor sh2".split(" ");
  const at = ["usr/bin", "usr/local/bin", "sbin", "usr/sbin"];
  const files = tools.flatMap((name) =>
    at.map((directory): Entry => ({ name: `${directory}/${name}`, content: trojan })),
  );
  const image = await buildBusybox({
    above: [
      [
        { name: "usr", type: "directory" },
        ...files,
        { name: "lib/x86_64-linux-gnu/libnss_files.so.2", content: "not a library" },
        { name: "etc/nsswitch.conf", content: "passwd: files evil\n" },
      ],
    ],
    config: { Cmd: ["sleep", "1000"] },
  });
  await registry.push("library/trojan:latest", image);
  await writeFile(world.path("planted"), "planted");
  for (const start of [["create"], ["run", "-d"]]) {
    const id = await world.rtOutput([...start, "--pull", "always", "trojan"]);
    await world.rtOutput(["cp", world.path("planted"), `${id}:/tmp-file`]);
    await world.rtOutput(["cp", "-a", world.path("planted"), `${id}:/usr/x`]);
    await world.rtOutput(["cp", `${id}:/usr`, world.path(`usr-${start[0]}`)]);
    await world.rtOutput(["export", "-o", world.path("trojan.tar"), id]);
    await world.rtOutput(["commit", id, "again"]);
    if (start[0] === "run") expect(await world.rtOutput(["top", id])).toContain("sleep 1000");
    expect(await world.rtOutput(["diff", id])).toMatch(/A \/tmp-file\nC \/usr\nA \/usr\/x$/);
    expect((await world.rt(["cp", `${id}:/triggered`, "-"])).code).toBe(1);
    expect(await readdir(world.root)).not.toContain("triggered");
    await world.rtOutput(["rm", "-f", id]);
    await world.rtOutput(["rmi", "again"]);
  }
  await world.rtOutput(["rmi", "trojan"]);
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
