import { expect, test } from "bun:test";
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { buildTar } from "../../scripts/image.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage();

/** A container of its own that sleeps, or that has never run. */
async function container(flags: string[] = [], runs = true): Promise<string> {
  const { world } = stage();
  const command = runs ? ["run", "-d"] : ["create"];
  return await world.rtOutput([...command, ...flags, "busybox", "sleep", "1000"]);
}

/** What a command prints inside a container that is started for it if need be. */
async function shows(id: string, script: string): Promise<string> {
  const { world } = stage();
  await world.rtOutput(["commit", "-c", `CMD ${script}`, id, "shown"]);
  const ran = await world.rt(["run", "--rm", "shown"]);
  await world.rtOutput(["rmi", "-f", "shown"]);
  return ran.stdout + ran.stderr;
}

async function tree(name: string): Promise<string> {
  const root = stage().world.path(name);
  await mkdir(`${root}/sub`, { recursive: true });
  await writeFile(`${root}/file`, "content\n", { mode: 0o640 });
  await writeFile(`${root}/sub/${"long-".repeat(30)}`, "deep\n");
  await symlink("file", `${root}/link`).catch(() => undefined);
  return root;
}

for (const runs of [true, false]) {
  const kind = runs ? "running" : "created";
  test(`a directory goes into a ${kind} container and comes back as it was`, async () => {
    const { world } = stage();
    const id = await container([], runs);
    const root = await tree(`in-${kind}`);
    await world.rtOutput(["cp", root, `${id}:/new`]);
    const back = world.path(`back-${kind}`);
    await world.rtOutput(["cp", `${id}:/new`, back]);
    expect(await readFile(`${back}/file`, "utf8")).toBe("content\n");
    expect((await stat(`${back}/file`)).mode & 0o777).toBe(0o640);
    expect((await stat(`${back}/file`)).mtimeMs).toBeCloseTo(
      (await stat(`${root}/file`)).mtimeMs,
      0,
    );
    expect(await readFile(`${back}/sub/${"long-".repeat(30)}`, "utf8")).toBe("deep\n");
    expect(await readlink(`${back}/link`)).toBe("file");
    await world.rtOutput(["rm", "-f", id]);
  });
}

test("the end of a path says what is meant: into a directory, its content, or a new name", async () => {
  const { world } = stage();
  const id = await container();
  const root = await tree("ends");
  await world.rtOutput(["cp", root, `${id}:/tmp`]);
  await world.rtOutput(["cp", `${root}/.`, `${id}:/root`]);
  await world.rtOutput(["cp", `${root}/file`, `${id}:/tmp/renamed`]);
  expect(await shows(id, "cat /tmp/ends/file /root/file /tmp/renamed")).toBe("content\n".repeat(3));
  const out = world.path("out");
  await mkdir(out);
  await world.rtOutput(["cp", `${id}:/tmp/ends/.`, out]);
  await world.rtOutput(["cp", `${id}:/tmp/ends`, out]);
  await world.rtOutput(["cp", `${id}:/tmp/ends/file`, `${out}/other`]);
  expect(await readFile(`${out}/file`, "utf8")).toBe("content\n");
  expect(await readFile(`${out}/ends/file`, "utf8")).toBe("content\n");
  expect(await readFile(`${out}/other`, "utf8")).toBe("content\n");
  await world.rtOutput(["rm", "-f", id]);
});

test("volumes and binds are reached, running or not, and read-only ones refuse", async () => {
  const { world } = stage();
  await mkdir(world.path("bound"));
  const flags = [
    "-v",
    "/vol",
    "-v",
    `${world.path("bound")}:/bound`,
    "-v",
    `${world.path("bound")}:/ro:ro`,
  ];
  for (const runs of [true, false]) {
    const id = await container(flags, runs);
    await writeFile(world.path("f"), `${runs}`);
    await world.rtOutput(["cp", world.path("f"), `${id}:/bound/by-cp`]);
    expect(await readFile(world.path("bound/by-cp"), "utf8")).toBe(`${runs}`);
    await world.rtOutput(["cp", world.path("f"), `${id}:/vol/x`]);
    await world.rtOutput(["cp", `${id}:/vol/x`, world.path("from-volume")]);
    expect(await readFile(world.path("from-volume"), "utf8")).toBe(`${runs}`);
    const refused = await world.rt(["cp", world.path("f"), `${id}:/ro/x`]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("mounted volume is marked read-only");
    await world.rtOutput(["rm", "-fv", id]);
  }
});

test("--read-only containers refuse, but for what is mounted writable", async () => {
  const { world } = stage();
  const id = await container(["--read-only", "--tmpfs", "/scratch"]);
  await writeFile(world.path("f"), "x");
  const refused = await world.rt(["cp", world.path("f"), `${id}:/x`]);
  expect(refused.stderr).toContain("container rootfs is marked read-only");
  await world.rtOutput(["cp", world.path("f"), `${id}:/scratch/x`]);
  await world.rtOutput(["rm", "-f", id]);
});

test("a link is copied as a link, with -L as what it leads to", async () => {
  const { world } = stage();
  const id = await container();
  const root = await tree("links");
  await world.rtOutput(["cp", root, `${id}:/d`]);
  await world.rtOutput(["cp", `${id}:/d/link`, world.path("as-link")]);
  expect((await lstat(world.path("as-link"))).isSymbolicLink()).toBe(true);
  await world.rtOutput(["cp", "-L", `${id}:/d/link`, world.path("followed")]);
  expect(await readFile(world.path("followed"), "utf8")).toBe("content\n");
  await world.rtOutput(["cp", "-L", `${root}/link`, `${id}:/tmp/followed`]);
  expect(await shows(id, "cat /tmp/followed")).toBe("content\n");
  await world.rtOutput(["rm", "-f", id]);
});

test("- is an archive on stdin or stdout", async () => {
  const { world } = stage();
  const id = await container();
  const root = await tree("piped");
  const script = `tar -C ${root} -cf - . | ${rtPath} cp - ${id}:/tmp && ${rtPath} cp ${id}:/tmp - | tar -tf - | sort`;
  const ran = await world.run(["sh", "-c", script]);
  expect(ran.stderr).toBe("");
  expect(ran.stdout.split("\n").slice(0, 3)).toEqual(["tmp/", "tmp/file", "tmp/link"]);
  const refused = await world.rt(["cp", "-", `${id}:/tmp/file`], { stdin: "" });
  expect(refused.stderr).toContain(`destination "${id}:/tmp/file" must be a directory`);
  await world.rtOutput(["rm", "-f", id]);
});

test("what cannot be is refused in Docker's words", async () => {
  const { world } = stage();
  const id = await container();
  const root = await tree("refused");
  const says = async (...args: string[]) => {
    const ran = await world.rt(["cp", ...args]);
    expect(ran.code).toBe(1);
    return ran.stderr;
  };
  expect(await says(`${id}:/absent`, root)).toContain(
    `Error response from daemon: Could not find the file /absent in container ${id}`,
  );
  expect(await says(`${root}/file`, `${id}:/absent/x`)).toContain(
    "Could not find the file /absent",
  );
  expect(await says(`${root}/file`, `${id}:/absent/`)).toContain("no such directory");
  expect(await says(root, `${id}:/bin/sh`)).toContain("cannot copy directory");
  expect(await says(`${root}/none`, `${id}:/tmp`)).toContain("no such file or directory");
  expect(await says(`${id}:/bin`, `${root}/no/where`)).toContain("invalid output path");
  expect(await says(`${id}:/a`, `${id}:/b`)).toContain(
    "copying between containers is not supported",
  );
  expect(await says(root, "/tmp")).toContain("must specify at least one container source");
  expect(await says(root, "no-such:/tmp")).toContain("No such container: no-such");
  await world.rtOutput(["cp", root, `${id}:/tmp/d`]);
  await writeFile(world.path("sub"), "file");
  expect(await says(world.path("sub"), `${id}:/tmp/d/`)).toContain("cannot overwrite directory");
  await world.rtOutput(["rm", "-f", id]);
});

test("-a gives what is copied to the container's user", async () => {
  const { world } = stage();
  const id = await container(["-u", "guest"]);
  await writeFile(world.path("owned"), "x");
  await world.rtOutput(["cp", "-a", world.path("owned"), `${id}:/tmp/mine`]);
  await world.rtOutput(["cp", world.path("owned"), `${id}:/tmp/roots`]);
  const ran = await world.run([
    "sh",
    "-c",
    `${rtPath} cp ${id}:/tmp - | tar --numeric-owner -tvf -`,
  ]);
  expect(ran.stdout).toMatch(/405\/100 .* tmp\/mine/);
  expect(ran.stdout).toMatch(/0\/0 .* tmp\/roots/);
  await world.rtOutput(["rm", "-f", id]);
});

test("an archive never leads out of the local destination", async () => {
  const { world } = stage();
  const id = await container();
  const canary = world.path("canary");
  await mkdir(canary);
  await mkdir(world.path("dest"));
  const archive = world.path("trap.tar");
  await writeFile(
    archive,
    buildTar([
      { name: "d", type: "directory" },
      { name: "d/out", type: "symlink", target: canary },
    ]),
  );
  const script = `${rtPath} cp - ${id}:/tmp <${archive}`;
  expect((await world.run(["sh", "-c", script])).code).toBe(0);
  await world.rtOutput(["cp", `${id}:/tmp/d`, world.path("dest")]);
  // The link is there now; an archive with a directory in its place must not go through it.
  const second = await container();
  await mkdir(world.path("e/d/out"), { recursive: true });
  await writeFile(world.path("e/d/out/escaped"), "x");
  await world.rtOutput(["cp", world.path("e/d"), `${second}:/tmp`]);
  const ran = await world.rt(["cp", `${second}:/tmp/d`, world.path("dest")]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain("cannot overwrite non-directory");
  expect((await world.run(["ls", canary])).stdout).toBe("");
  await world.rtOutput(["rm", "-f", id, second]);
});

test("docker cp copies both ways, to its own liking", async () => {
  const { world } = stage();
  const id = await container();
  const root = await tree("docker");
  for (const args of [
    [root, `${id}:/d`],
    ["-a", `${root}/file`, `${id}:/d/again`],
    [`${id}:/d`, world.path("docker-back")],
    ["-L", `${id}:/d/link`, world.path("docker-link")],
  ]) {
    expect(await world.docker(["cp", ...args])).toMatchObject({ code: 0, stderr: "" });
  }
  expect(await readFile(world.path("docker-back/again"), "utf8")).toBe("content\n");
  expect(await readFile(world.path("docker-link"), "utf8")).toBe("content\n");
  await world.rtOutput(["rm", "-f", id]);
});

test("a client that is killed while it sends gives the container free", async () => {
  const { world, daemon } = stage();
  const id = await container([], false);
  const url = `http://x/containers/${id}/archive?path=/tmp`;
  // Half an archive, and then nothing more.
  const half = "tar -cf - /bin/busybox | head -c 300000; cat";
  const script = `(${half}) | curl -s --unix-socket ${world.socket} -T - '${url}'`;
  const sender = world.spawn(["sh", "-c", script], { stdin: "open" });
  const written = `${daemon.dataRoot}/containers/${id}`;
  await until("a part to be there", async () => {
    const names = await readdir(written, { recursive: true }).catch(() => []);
    return names.some((name) => name.endsWith("/busybox"));
  });
  let isKilled = false;
  const started = world.rtOutput(["start", id]).then(() => isKilled);
  // Nothing of the start is to be seen from outside while it waits.
  await Bun.sleep(200);
  isKilled = true;
  for (const [pid, line] of await world.namespace.processes())
    if (line.startsWith("curl ")) process.kill(pid, "SIGKILL");
  expect(await started).toBe(true);
  sender.closeInput();
  await sender.finished();
  await world.rtOutput(["rm", "-f", id]);
});

test("a client that goes away in the middle leaves no thread and no descriptor", async () => {
  const { world, daemon } = stage();
  const id = await container();
  const count = async () => {
    const list = (what: string) =>
      world.run(["sh", "-c", `ls /proc/${daemon.pid}/${what} | wc -l`]);
    return [Number((await list("task")).stdout), Number((await list("fd")).stdout)] as const;
  };
  await world.run(["sh", "-c", `${rtPath} cp ${id}:/bin - | head -c 1000 >/dev/null`]);
  const [threads, fds] = await count();
  for (let i = 0; i < 20; i++)
    await world.run(["sh", "-c", `${rtPath} cp ${id}:/bin - | head -c 1000 >/dev/null`]);
  await until("threads and descriptors to be as before", async () => {
    const [threadsAfter, fdsAfter] = await count();
    return threadsAfter <= threads + 4 && fdsAfter <= fds + 4;
  });
  await world.rtOutput(["rm", "-f", id]);
});
