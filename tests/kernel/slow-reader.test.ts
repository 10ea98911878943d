/** Whoever reads a container's output slowly, late or never does not hold the container back. */
import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage();

interface Inspected {
  State: { Status: string; ExitCode: number };
}

/** A created container that writes this many MiB, and its id. */
async function create(mebibytes: number): Promise<string> {
  const reply = await stage()
    .world.daemonAlive()
    .post("/containers/create", {
      Image: "busybox",
      Cmd: ["dd", "if=/dev/zero", "bs=64k", `count=${mebibytes * 16}`],
      AttachStdout: true,
      Tty: false,
      HostConfig: { LogConfig: { Type: "none" } },
    });
  return ((await reply.json()) as { Id: string }).Id;
}

/** A connection that is attached to stdout and of which nothing has been read but the reply's head. */
async function attach(id: string): Promise<Socket> {
  const socket = connect({ path: stage().world.socket });
  const attached = Promise.withResolvers<void>();
  socket.once("data", () => {
    socket.pause();
    attached.resolve();
  });
  socket.write(
    `POST /v1.44/containers/${id}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: rt\r\n` +
      "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
  );
  await attached.promise;
  return socket;
}

async function start(id: string): Promise<void> {
  const reply = await stage().world.daemonAlive().post(`/containers/${id}/start`);
  expect(reply.status).toBe(204);
}

async function untilExited(id: string): Promise<void> {
  const daemon = stage().world.daemonAlive();
  await until("the container to end", async () => {
    const { State } = await daemon.json<Inspected>(`/containers/${id}/json`);
    return State.Status === "exited" && State.ExitCode === 0;
  });
}

/** Reads stream frames to the end: bytes of payload. */
async function readAll(socket: Socket): Promise<number> {
  let total = 0;
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 8) {
      const length = pending.readUInt32BE(4);
      if (pending.length < 8 + length) return;
      expect(pending[0]).toBe(1);
      total += length;
      pending = pending.subarray(8 + length);
    }
  });
  const ended = Promise.withResolvers<void>();
  socket.on("end", () => ended.resolve());
  socket.resume();
  await ended.promise;
  expect(pending.length).toBe(0);
  return total;
}

test("a client that reads only after the container has ended gets every byte", async () => {
  const id = await create(100);
  const client = await attach(id);
  await start(id);
  // The exit is told when the output is out, which a file holds meanwhile.
  await untilExited(id);
  expect(await readAll(client)).toBe(100 * 1024 * 1024);
  await stage().world.rtOutput(["rm", id]);
});

test("a client that never reads is given up, and the container goes on", async () => {
  const id = await create(2000);
  const client = await attach(id);
  await start(id);
  await untilExited(id);
  client.destroy();
  await stage().world.rtOutput(["rm", id]);
});

test("a slow client beside a fast one takes nothing from it", async () => {
  const id = await create(600);
  const slow = await attach(id);
  const fast = await attach(id);
  const read = readAll(fast);
  await start(id);
  expect(await read).toBe(600 * 1024 * 1024);
  slow.destroy();
  await stage().world.rtOutput(["rm", "-f", id]);
});
