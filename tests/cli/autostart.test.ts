import { expect, setDefaultTimeout, test } from "bun:test";
import { until } from "../support/until.ts";
import { World } from "../support/world.ts";

setDefaultTimeout(60_000);

test("without a host the client starts a daemon of its own and waits for it", async () => {
  await using world = await World.create();
  // The default roots are inside the world only.
  const setup = ["mount", "-t", "tmpfs", "none"];
  await world.run([...setup, "/run"]);
  await world.run([...setup, "/var/lib"]);
  const log = "/run/rt/daemon.log";
  await world.run(["sh", "-c", `mkdir /run/rt && head -c 5m /dev/zero >${log}`]);
  const ran = await world.rt(["version", "--format", "{{.Server.Version}}"], {
    env: { RT_HOST: "" },
  });
  expect(ran.code).toBe(0);
  // What is old has made room.
  const sizes = await world.run(["stat", "-c", "%s", `${log}.1`, log]);
  const [older = 0, newer = 0] = sizes.stdout.split("\n").map(Number);
  expect(older).toBe(5 * 1024 * 1024);
  expect(newer).toBeGreaterThan(0);
  expect(newer).toBeLessThan(10_000);
  const again = await world.rt(["ps", "-q"], { env: { RT_HOST: "" } });
  expect(again).toEqual({ code: 0, stdout: "", stderr: "" });
  const daemons = [...(await world.namespace.processes())].filter(([, line]) =>
    line.includes(" daemon"),
  );
  expect(daemons).toHaveLength(1);
  for (const [pid] of daemons) process.kill(pid, "SIGTERM");
  await until("the daemon to end", async () => (await world.namespace.processes()).size === 0);
  await world.run(["umount", "-l", "/run", "/var/lib"]);
});

test("with a host where nobody answers the client says so and starts nothing", async () => {
  await using world = await World.create();
  const ran = await world.rt(["ps"]);
  expect(ran.code).toBe(1);
  expect(ran.stdout).toBe("");
  expect(ran.stderr).toContain(world.socket);
  expect(ran.stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  expect((await world.namespace.processes()).size).toBe(0);
});

test("a socket of somebody else's is told apart from a daemon", async () => {
  await using world = await World.create();
  using server = Bun.listen({
    unix: world.socket,
    socket: {
      data(socket) {
        socket.end("SSH-2.0-not a daemon\r\n");
      },
    },
  });
  const ran = await world.rt(["ps"]);
  expect(server).toBeDefined();
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain(world.socket);
});
