import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildFrame, FrameDecoder } from "../../api/frames.ts";
import { MonitorControl } from "./monitor.ts";

/** Of the monitor's protocol, see monitor.ts. */
const [ack, exited, resize, signal, watch] = [0x20, 0x23, 0x12, 0x13, 0x15];
const refusal = { code: "not_implemented", message: "older than what is asked of it" };

const forms = { exec: 3, adopt: 3, untold: 1 };

/** A monitor that answers each frame by what `answer` makes of its kind, and the kinds it got. */
async function withMonitor(
  answer: (kind: number) => Uint8Array,
  work: (path: string, got: number[]) => Promise<void>,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "rt-monitor-"));
  const path = join(root, "monitor.sock");
  const got: number[] = [];
  const server = createServer((socket) => {
    const decoder = new FrameDecoder();
    socket.on("data", (chunk: Uint8Array) => {
      for (const { kind } of decoder.push(chunk)) {
        got.push(kind);
        socket.write(answer(kind));
      }
    });
  });
  await new Promise<void>((listening) => server.listen(path, listening));
  try {
    await work(path, got);
  } finally {
    server.close();
    await rm(root, { recursive: true });
  }
}

describe("a monitor of another version", () => {
  for (const [age, state] of [
    ["an older one, which tells no forms,", [1]],
    ["a newer one, which tells others and more,", [1, 4, 4, 9, 9]],
  ] as const) {
    test(`${age} obeys, but for execs, which are refused in a sentence`, async () => {
      await withMonitor(
        () => buildFrame(ack, Uint8Array.from(state)),
        async (path, got) => {
          const { control, running } = await MonitorControl.connect(path, forms);
          expect(running).toBe(true);
          await control.signal(9);
          await control.resize(1, 2);
          await expect(control.exec(new Uint8Array(4))).rejects.toThrow(
            "the container was started by another version of rt, which takes execs in another form: restart the container",
          );
          const client = new Socket();
          const adoption = { flags: 7, isRaw: false, detachKeys: [], exec: "", isToldExit: false };
          const events = { detached: () => {}, released: () => {} };
          const native = { adopt: () => true };
          expect(control.adopt(native, client, adoption, events)).toBe(false);
          expect(got).toEqual([watch, signal, resize]);
          control.close();
        },
      );
    });
  }

  test("what it tells in kinds that are not known is no answer", async () => {
    const [news, failed] = [
      buildFrame(0x2f, new Uint8Array(3)),
      Buffer.from(JSON.stringify(refusal)),
    ];
    await withMonitor(
      (kind) =>
        kind === signal
          ? Buffer.concat([news, buildFrame(0x22, failed)])
          : Buffer.concat([news, buildFrame(ack, Uint8Array.of(1, 3, 3))]),
      async (path) => {
        const { control } = await MonitorControl.connect(path, forms);
        await control.exec(new Uint8Array(4));
        await expect(control.signal(9)).rejects.toThrow(refusal.message);
        control.close();
      },
    );
  });
});

test("who waits for an answer hears it before the exit that came with it", async () => {
  const record = { exitCode: 137 };
  const end = buildFrame(exited, new TextEncoder().encode(JSON.stringify(record)));
  await withMonitor(
    (kind) => Buffer.concat([buildFrame(ack, Uint8Array.of(1)), ...(kind === signal ? [end] : [])]),
    async (path) => {
      const control = await MonitorControl.open(path);
      const heard: unknown[] = [];
      const isOver = control.exited.then((how) => heard.push(how));
      await control.signal(9);
      heard.push("answered");
      await isOver;
      expect(heard).toEqual(["answered", record]);
      control.close();
    },
  );
});
