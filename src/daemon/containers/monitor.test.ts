import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildFrame, FrameDecoder } from "../../api/frames.ts";
import { MonitorControl } from "./monitor.ts";

/** Of the monitor's protocol, see monitor.ts. */
const [ack, exited, signal] = [0x20, 0x23, 0x13];

test("who waits for an answer hears it before the exit that came with it", async () => {
  const root = await mkdtemp(join(tmpdir(), "rt-monitor-"));
  const path = join(root, "monitor.sock");
  const record = { exitCode: 137 };
  const server = createServer((socket) => {
    const decoder = new FrameDecoder();
    socket.on("data", (chunk: Uint8Array) => {
      for (const { kind } of decoder.push(chunk)) {
        const answer = buildFrame(ack, Uint8Array.of(1));
        const end = buildFrame(exited, new TextEncoder().encode(JSON.stringify(record)));
        socket.end(kind === signal ? Buffer.concat([answer, end]) : answer);
      }
    });
  });
  await new Promise<void>((listening) => server.listen(path, listening));
  try {
    const control = await MonitorControl.open(path);
    const heard: unknown[] = [];
    const isOver = control.exited.then((how) => heard.push(how));
    await control.signal(9);
    heard.push("answered");
    await isOver;
    expect(heard).toEqual(["answered", record]);
  } finally {
    server.close();
    await rm(root, { recursive: true });
  }
});
