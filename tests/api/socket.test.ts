import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { chmod, chown, lstat, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { raw, request } from "../support/raw.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage();

/** Starts a second daemon in the foreground until it is ready or ends. */
async function second(socket: string, ...flags: string[]) {
  const { world } = stage();
  const roots = ["--data-root", world.path("second"), "--run-root", world.path("second-run")];
  const running = world.spawnInCgroup([
    rtPath,
    "daemon",
    ...roots,
    "-H",
    `unix://${socket}`,
    ...flags,
  ]);
  await until("it to be ready or gone", () => running.ended || running.stderr.includes("is ready"));
  const end = async (): Promise<number> => {
    if (!running.ended) process.kill(await world.innerPid(running), "SIGTERM");
    return (await running.finished()).code;
  };
  return { running, end };
}

describe("the socket", () => {
  test("is root's, mode 0660, and leaves nothing beside it", async () => {
    const { world, daemon } = stage();
    const { mode, uid } = await stat(daemon.socket);
    expect([mode & 0o7777, uid]).toEqual([0o660, 0]);
    expect((await readdir(world.root)).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  test("belongs to the group that is asked for, by name or number", async () => {
    const socket = stage().world.path("grouped.sock");
    for (const [group, gid] of [
      ["daemon", 1],
      ["4321", 4321],
      ["", 0],
    ] as const) {
      const { end } = await second(socket, "--group", group);
      const { gid: found, mode } = await stat(socket);
      expect([group, found, mode & 0o777]).toEqual([group, gid, 0o660]);
      expect(await end()).toBe(0);
    }
    const file = stage().world.path("group.json");
    await writeFile(file, JSON.stringify({ group: "daemon" }));
    const { end } = await second(socket, "--config", file);
    expect((await stat(socket)).gid).toBe(1);
    await end();
  });

  test("is never there with another owner or mode, not for a moment", async () => {
    const { world } = stage();
    const socket = world.path("moment.sock");
    for (let round = 0; round < 5; round++) {
      const seen = new Set<string>();
      const look = (): void => {
        const found = statSync(socket, { throwIfNoEntry: false });
        if (found !== undefined) seen.add(`${(found.mode & 0o7777).toString(8)} ${found.gid}`);
      };
      // Sees it within a millisecond of its birth: the loop yields only to let the daemon's output in.
      let starting = true;
      const starts = second(socket, "--group", "4321").finally(() => {
        starting = false;
      });
      while (starting) {
        for (let i = 0; i < 200; i++) look();
        await new Promise((resolve) => setImmediate(resolve));
      }
      look();
      expect(await (await starts).end()).toBe(0);
      expect([...seen]).toEqual(["660 4321"]);
    }
  });

  test("is not made for a group that is not there", async () => {
    const socket = stage().world.path("nobody.sock");
    const { running, end } = await second(socket, "-G", "no-such-group");
    expect(await end()).toBe(1);
    expect(running.stderr).toContain('group "no-such-group" not found');
    expect(await lstat(socket).catch(() => undefined)).toBeUndefined();
  });

  test("serves members of its group and nobody else", async () => {
    const socket = stage().world.path("members.sock");
    await chmod(stage().world.root, 0o711);
    const { end } = await second(socket, "--group", "4321");
    const ask = (gid: number) =>
      stage().world.run([
        ...["setpriv", "--reuid", "1234", "--regid", `${gid}`, "--clear-groups"],
        ...["docker", "-H", `unix://${socket}`, "ps", "-q"],
      ]);
    expect((await ask(4321)).code).toBe(0);
    const stranger = await ask(4322);
    expect(stranger.code).toBe(1);
    expect(stranger.stderr).toContain("permission denied");
    await end();
  });

  test("that is dead is replaced; one that lives, or a file, is left alone", async () => {
    const { world, daemon } = stage();
    const dead = world.path("dead.sock");
    // Renamed while it listens, it outlives its listener.
    const script = `const { createServer } = require("node:net"), { renameSync } = require("node:fs");
      createServer().listen("${dead}.1", () => { renameSync("${dead}.1", "${dead}"); process.exit(); });`;
    await world.run([process.execPath, "-e", script]);
    expect((await lstat(dead)).isSocket()).toBe(true);
    const { end } = await second(dead);
    expect((await raw(dead, [request("GET /_ping", ["Connection: close"])])).status).toBe(200);
    expect(await end()).toBe(0);
    expect(await lstat(dead).catch(() => undefined)).toBeUndefined();

    const taken = await second(daemon.socket);
    expect(await taken.end()).toBe(3);
    expect(taken.running.stderr).toContain("another process serves there");
    expect((await daemon.request("/_ping")).status).toBe(200);

    const file = world.path("file");
    await writeFile(file, "precious");
    for (const path of [file, world.path("link")]) {
      if (path !== file) await symlink(file, path);
      const inTheWay = await second(path);
      expect(await inTheWay.end()).toBe(3);
      expect(inTheWay.running.stderr).toContain("a file that is no socket is in the way");
    }
    expect(await readFile(file, "utf8")).toBe("precious");
  });

  test("of a second daemon on the same data is not made", async () => {
    const { world } = stage();
    const socket = world.path("twin.sock");
    const roots = ["--data-root", world.path("data"), "--run-root", world.path("run")];
    const { code, stderr } = await world.rt(["daemon", ...roots, "-H", `unix://${socket}`]);
    expect(code).toBe(3);
    expect(stderr).toContain("another daemon already works on this data root");
    expect(await lstat(socket).catch(() => undefined)).toBeUndefined();
  });
});

describe("the log", () => {
  test("says who changed what, by the kernel's word", async () => {
    const { world, daemon } = stage();
    const client = world.spawn([rtPath, "volume", "create", "mine"]);
    await client.finished();
    const line = /^\d{4}-\S+Z \[info\] POST \/volumes\/create 201 by uid=0\(root\) pid=\d+\n/m;
    await until("the line", async () => line.test(await daemon.log()));
    expect(await daemon.log()).not.toContain("GET /");
  });

  test("says so of another user too, and of what was refused", async () => {
    const { world, daemon } = stage();
    await chmod(world.root, 0o711);
    await chown(daemon.socket, 0, 1);
    const user = ["setpriv", "--reuid", "1", "--regid", "1", "--clear-groups"];
    await world.run([...user, "docker", "-H", `unix://${daemon.socket}`, "rm", "none"]);
    await until("the line", async () =>
      /DELETE \/v1\.\d+\/containers\/none 404 by uid=1\(\w+\) pid=\d+\n/.test(await daemon.log()),
    );
    await chown(daemon.socket, 0, 0);
  });

  test("has no byte of a header, a query or a body, and no control byte of a path", async () => {
    const { daemon } = stage();
    const secret = "s3cr3t";
    const body = JSON.stringify({ Image: "busybox", Env: [`TOKEN=${secret}`] });
    await raw(daemon.socket, [
      request(
        `POST /containers/create?name=${secret}`,
        [
          ...["Content-Type: application/json", `X-Registry-Auth: ${secret}`, "Connection: close"],
          `Content-Length: ${body.length}`,
        ],
        body,
      ),
    ]);
    await raw(daemon.socket, [request("POST /a%0d%0a%1b[31mb", ["Connection: close"])]);
    const log = await until("both lines", async () => {
      const text = await daemon.log();
      return text.includes("/a%0d%0a") && text;
    });
    expect(log).toMatch(/POST \/a%0d%0a%1b\[31mb 404 by/);
    expect(log).toMatch(/POST \/containers\/create 201 by/);
    expect(log).not.toContain(secret);
    expect(log).toMatch(/^\P{Cc}*$/mu);
  });

  test("does not grow with the number of requests", async () => {
    const { daemon } = stage();
    const before = (await daemon.log()).length;
    const long = request(`POST /${"a".repeat(1000)}`);
    await raw(daemon.socket, [long.repeat(20_000), "END"]);
    await until("an answer", async () => (await daemon.request("/_ping")).ok);
    const grown = (await daemon.log()).length - before;
    expect(grown).toBeGreaterThan(10_000);
    expect(grown).toBeLessThan(600_000);
  });
});

test("a client that vanishes after it half-closed is let go", async () => {
  const { world, daemon } = stage();
  const id = await world.rtOutput(["run", "-d", "-i", "busybox", "sleep", "1000"]);
  const count = async () => (await readdir(`/proc/${daemon.pid}/fd`)).length;
  const clients = Array.from({ length: 50 }, () =>
    connect({ path: daemon.socket, allowHalfOpen: true }),
  );
  const upgrade = ["Connection: Upgrade", "Upgrade: tcp"];
  let attached = 0;
  for (const client of clients) {
    client.on("error", () => {});
    client.once("data", (head) => {
      if (head.toString().startsWith("HTTP/1.1 101 ")) attached++;
    });
    client.write(request(`POST /containers/${id}/attach?stream=1&stdout=1`, upgrade));
  }
  await until("all to be attached", () => attached === 50);
  const held = await count();
  for (const client of clients) client.end();
  await Bun.sleep(200);
  for (const client of clients) client.destroy();
  await until("their descriptors to be closed", async () => (await count()) <= held - 48);
});
