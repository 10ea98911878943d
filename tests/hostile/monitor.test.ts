/**
 * Junk on a monitor's socket, which only root can reach: the monitor lives, its container is not harmed, and
 * nothing of the clients is left. 400 connections by default, 5,000 with RT_FULL=1.
 */
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { Random } from "../support/api/random.ts";
import { childrenOf } from "../support/namespace.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { returnsTo, usageOf } from "../support/usage.ts";

const stage = useStage();
const seed = Number(process.env.RT_SEED ?? 20_261_124);
const count = process.env.RT_FULL === "1" ? 5000 : 400;

const attach = 0x10;
const signal = 0x13;
const adopt = 0x18;

function frame(kind: number, payload: Uint8Array, length = payload.length): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt8(kind, 0);
  head.writeUInt32BE(length >>> 0, 4);
  return Buffer.concat([head, payload]);
}

function junk(random: Random, most: number): Buffer {
  return Buffer.from(Array.from({ length: random.below(most) }, () => random.below(256)));
}

/** A frame that no client of ours sends; a signal that would end the container is none of them. */
function hostileFrame(random: Random): Buffer {
  const known = Array.from({ length: 0x2a }, (_, kind) => kind);
  const kind = random.chance(0.8) ? random.pick(known) : random.below(256);
  switch (random.below(8)) {
    case 0:
      return frame(kind, junk(random, 64), random.pick([2 ** 32 - 1, 3_145_729, 1000, 0]));
    case 1:
      return frame(kind, Buffer.alloc(0));
    case 2:
      return junk(random, 200);
    case 3:
      return frame(attach, Buffer.concat([Buffer.from([255]), junk(random, 4000)]));
    case 4:
      return frame(signal, Buffer.from([random.pick([0, 65, 128, 255])]));
    case 5:
      return frame(random.pick([0, 0x16, adopt]), Buffer.alloc(random.pick([1, 100_000]), 0xff));
    default:
      return kind === signal ? frame(signal, Buffer.from([255])) : frame(kind, junk(random, 300));
  }
}

/** Again when too many stand in line. */
async function open(path: string): Promise<Socket> {
  for (;;) {
    const socket = connect({ path });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.on("error", () => resolve(false));
    });
    socket.on("data", () => undefined);
    if (isOpen) return socket;
    await Bun.sleep(5);
  }
}

/** The one that has a container: others wait for the next start. */
async function busyMonitor(): Promise<number> {
  for (const [pid, line] of await stage().world.namespace.processes())
    if (line.startsWith("rt-monitor") && (await childrenOf(pid)).length > 0) return pid;
  throw new Error("no monitor has a child");
}

test(`${count} clients that talk junk do not disturb a monitor`, async () => {
  const { world, daemon } = stage();
  const script = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done";
  const id = await world.rtOutput(["run", "-d", "busybox", "sh", "-c", script]);
  const runs = await readdir(daemon.runRoot, { recursive: true });
  const path = runs.find((each) => each.endsWith("monitor.sock"));
  const socket = `${daemon.runRoot}/${path}`;
  const monitor = await busyMonitor();
  const before = await usageOf(monitor);

  for (let at = 0; at < count; at += 20) {
    const clients = await Promise.all(Array.from({ length: 20 }, () => open(socket)));
    for (const [number, client] of clients.entries()) {
      const random = new Random(seed, at + number);
      for (let frames = random.below(12); frames >= 0; frames--) client.write(hostileFrame(random));
      if (random.chance(0.5)) client.end();
    }
    await Bun.sleep(5);
    for (const client of clients) client.destroy();
  }

  expect(await world.rtOutput(["inspect", "-f", "{{.State.Status}} {{.RestartCount}}", id])).toBe(
    "running 0",
  );
  expect(await world.rtOutput(["exec", id, "echo", "alive"])).toBe("alive");
  const lines = async () => (await world.rtOutput(["logs", id])).split("\n");
  const seen = (await lines()).length;
  await until("the container to go on", async () => (await lines()).length > seen);
  // No line is missing, and none of the junk is among them.
  const all = await lines();
  expect(all).toEqual(all.map((_, number) => `${number}`));
  await returnsTo(monitor, before, { memory: 1 });
  await world.rtOutput(["rm", "-f", id]);
}, 300_000);
