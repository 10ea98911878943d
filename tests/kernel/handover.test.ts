/** A client's connection is the monitor's: what runs over it does not end with the daemon. */
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

/** Kills the daemon, leaves it dead for a while, and starts the next. */
async function replaceDaemon(): Promise<void> {
  const { world, registry } = stage();
  await world.daemonAlive().kill();
  await Bun.sleep(300);
  await world.daemon({ mirrors: [registry.url] });
}

async function holding(...flags: string[]): Promise<string> {
  const run = ["run", "-d", "--network", "none", ...flags, "busybox", "sleep", "1000"];
  return await stage().world.rtOutput(run);
}

const counter = "i=0; while [ $i -lt 40 ]; do echo $i; usleep 50000; i=$((i+1)); done; exit 7";
const counted = Array.from({ length: 40 }, (_, at) => `${at}\n`).join("");

test("docker exec goes on while the daemon is killed and started again", async () => {
  const { world } = stage();
  const id = await holding();
  const client = world.spawn([
    "docker",
    "-H",
    `unix://${world.socket}`,
    "exec",
    id,
    "sh",
    "-c",
    counter,
  ]);
  await client.prints(/3\n/);
  await replaceDaemon();
  const { code, stdout } = await client.finished();
  expect(stdout).toBe(counted);
  expect(code).toBe(7);
  await world.rtOutput(["rm", "-f", id]);
});

test("rt run --rm has its exit code though the daemon was killed and another removes the container", async () => {
  const { world } = stage();
  const client = world.spawnRt(["run", "--rm", "busybox", "sh", "-c", counter]);
  await client.prints(/3\n/);
  await replaceDaemon();
  expect(await client.finished()).toEqual({ code: 7, stdout: counted, stderr: "" });
  await until(
    "the container to be removed",
    async () => (await world.rtOutput(["ps", "-aq"])) === "",
  );
});

test("rt run and rt exec have their exit codes though there is no daemon any more", async () => {
  const { world, registry } = stage();
  const id = await holding();
  const clients = [
    world.spawnRt(["run", "--name", "left", "busybox", "sh", "-c", counter]),
    world.spawnRt(["exec", id, "sh", "-c", counter]),
  ];
  await Promise.all(clients.map((client) => client.prints(/3\n/)));
  await world.daemonAlive().kill();
  const ended = await Promise.all(clients.map((client) => client.finished()));
  const expected = { code: 7, stdout: counted, stderr: "" };
  await world.daemon({ mirrors: [registry.url] });
  expect(ended).toEqual([expected, expected]);
  await world.rtOutput(["rm", "-f", id, "left"]);
});

test("input and its end reach an exec whose daemon is gone", async () => {
  const { world } = stage();
  const id = await holding();
  const client = world.spawnRt(["exec", "-i", id, "sh", "-c", "cat; echo done"], { stdin: "open" });
  client.write("before\n");
  await client.prints(/before\n/);
  await replaceDaemon();
  client.write("after\n");
  await client.prints(/after\n/);
  client.closeInput();
  const { code, stdout } = await client.finished();
  expect([code, stdout]).toEqual([0, "before\nafter\ndone\n"]);
  await world.rtOutput(["rm", "-f", id]);
});

test("an attached terminal goes on, and its keys still let it go", async () => {
  const { world } = stage();
  const run = ["run", "-dit", "--network", "none", "busybox", "cat"];
  const id = await world.rtOutput(run);
  const docker = ["docker", "-H", `unix://${world.socket}`, "attach", id];
  const client = world.spawn(docker, { terminal: { cols: 80, rows: 24 } });
  client.write("before\n");
  await client.prints(/before\r\nbefore\r\n/);
  await replaceDaemon();
  client.write("after\n");
  await client.prints(/after\r\nafter\r\n/);
  client.write("\x10\x11");
  await client.finished();
  const state = () => world.rtOutput(["inspect", "-f", "{{.State.Status}}", id]);
  expect(await state()).toBe("running");
  await world.rtOutput(["rm", "-f", id]);
});

test("a client that was killed leaves nothing behind with the daemon or the monitor", async () => {
  const { world } = stage();
  const id = await holding();
  /** Open files of the daemon and of the monitors. */
  const files = async (): Promise<number> => {
    const processes = await world.namespace.processes();
    const own = [...processes].filter(([, line]) => /\brt daemon\b|monitor/.test(line));
    const lists = own.map(([pid]) => readdir(`/proc/${pid}/fd`).catch(() => []));
    return (await Promise.all(lists)).flat().length;
  };
  let before = -1;
  await until("the monitors of other tests to be gone", async () => {
    const earlier = before;
    before = await files();
    await Bun.sleep(300);
    return before === earlier;
  });
  const { pid } = world.daemonAlive();
  const held = async (): Promise<number> => (await readdir(`/proc/${pid}/fd`)).length;
  const heldBefore = await held();
  const clients = Array.from({ length: 5 }, () => world.spawnRt(["exec", id, "sleep", "100"]));
  const count = ["exec", id, "sh", "-c", "ps | grep -c '[s]leep 100$' || true"];
  const sleeping = async (): Promise<number> => Number(await world.rtOutput(count));
  await until("the clients to be joined", async () => (await sleeping()) === 5);
  expect(await files()).toBeGreaterThan(before);
  expect(await held()).toBeGreaterThanOrEqual(heldBefore + 5);
  for (const client of clients) process.kill(await world.innerPid(client), "SIGKILL");
  // What they had started runs on. The next idle monitor may have been made meanwhile.
  await until("the daemon to let go of them", async () => (await held()) <= heldBefore + 1);
  expect(await sleeping()).toBe(5);
  await world.rtOutput(["exec", id, "killall", "sleep"]);
  await until("their connections to be gone", async () => (await files()) <= before);
  await world.rtOutput(["rm", "-f", id]);
});
