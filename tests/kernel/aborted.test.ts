/**
 * Requests that last, broken off by their clients: nothing is left of them in the daemon or the monitor.
 * 300 of each by default, 1,000 with RT_FULL=1.
 */
import { expect, test } from "bun:test";
import { connect } from "node:net";
import { childrenOf } from "../support/namespace.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { returnsTo, staysAtWhatItHolds, usageOf, zombiesAmong } from "../support/usage.ts";

const stage = useStage();
const count = process.env.RT_FULL === "1" ? 1000 : 300;
const atOnce = 20;

/** Sends a request, waits for the first bytes of the answer, and is gone. */
function abort(socket: string, head: string, body = ""): Promise<void> {
  return new Promise((resolve, reject) => {
    const client = connect(socket);
    client.on("connect", () =>
      client.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`),
    );
    client.on("error", reject);
    client.on("data", (data) => {
      client.destroy();
      if (/^HTTP\/1\.1 (101|20[0-9])/.test(data.toString("latin1"))) resolve();
      else reject(new Error(`${head}: ${data}`));
    });
  });
}

const plain = (line: string) => `${line} HTTP/1.1\r\nHost: rt\r\n`;
const json = "Content-Type: application/json\r\n";
const upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";

let id = "";

async function exec(socket: string): Promise<void> {
  const { daemon } = stage();
  const made = await daemon.post(`/containers/${id}/exec`, {
    ...{ AttachStdin: true, AttachStdout: true, Cmd: ["cat"] },
  });
  const { Id } = (await made.json()) as { Id: string };
  await abort(socket, plain(`POST /exec/${Id}/start`) + json + upgrade, '{"Detach":false}');
}

const requests: Record<string, (socket: string) => Promise<void>> = {
  attach: (socket) =>
    abort(
      socket,
      plain(`POST /containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1`) + upgrade,
    ),
  "logs -f": (socket) =>
    abort(socket, plain(`GET /containers/${id}/logs?follow=1&stdout=1&stderr=1`)),
  events: (socket) => abort(socket, plain("GET /events")),
  wait: (socket) => abort(socket, plain(`POST /containers/${id}/wait?condition=next-exit`)),
  "wait for the removal": (socket) =>
    abort(socket, plain(`POST /containers/${id}/wait?condition=removed`)),
  stats: (socket) => abort(socket, plain(`GET /containers/${id}/stats`)),
  exec,
};

for (const [name, request] of Object.entries(requests)) {
  test(`${count} requests for ${name}, broken off, leave nothing`, async () => {
    const { world, daemon } = stage();
    id ||= await world.rtOutput([
      "run",
      "-di",
      "--network",
      "none",
      "busybox",
      "sh",
      "-c",
      "sleep 100000",
    ]);
    const monitor = await monitorOf(id);
    const rounds = async (number: number): Promise<void> => {
      for (let round = 0; round < number; round += 1) {
        await Promise.all(Array.from({ length: atOnce }, () => request(daemon.socket)));
      }
    };
    // As many first: what the runtime makes once and keeps is there then, and a leak grows with the second.
    await rounds(count / atOnce);
    await staysAtWhatItHolds(daemon.pid, { memory: 0.25 }, async () => {
      const before = await usageOf(monitor);
      await rounds(count / atOnce);
      await returnsTo(monitor, before);
    });
    const processes = await world.namespace.processes();
    await until("no zombie", async () => (await zombiesAmong(processes.keys())).length === 0);
    if (name === "exec") {
      await until("the processes of exec to end", async () => {
        const lines = [...(await world.namespace.processes()).values()];
        return !lines.includes("cat");
      });
    }
  }, 120_000);
}

/** The parent of the container's first process. */
async function monitorOf(container: string): Promise<number> {
  const { world } = stage();
  for (const [pid, line] of await world.namespace.processes()) {
    if (!line.includes("monitor")) continue;
    if ((await childrenOf(pid)).length > 0) return pid;
  }
  expect(`a monitor of ${container}`).toBe("there");
  return 0;
}
