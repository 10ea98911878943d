/** Bodies of 100 MB, several at once: refused early, never kept, and nobody else waits for them. */
import { expect, test } from "bun:test";
import { once } from "node:events";
import { connect } from "node:net";
import { encode } from "../support/api/request.ts";
import { useStage } from "../support/stage.ts";
import { returnsTo, usageOf } from "../support/usage.ts";

const stage = useStage();
const size = 100_000_000;
const piece = Buffer.alloc(1_000_000, "a");

interface Large {
  method: string;
  target: string;
  headers?: string[];
  /** What a parser sees first. */
  begin?: string;
  chunked?: boolean;
}

/** Sends it all, or as much as is taken; the status that came back, 0 if none did. */
async function send({ method, target, headers = [], begin = "", chunked = false }: Large) {
  const socket = connect({ path: stage().daemon.socket, allowHalfOpen: true });
  let reply = "";
  let isOver = false;
  socket.on("data", (data: Buffer) => {
    reply += data.toString("latin1");
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    isOver = true;
  });
  socket.on("end", () => {
    isOver = true;
  });
  const framing = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${size}`;
  const lines = [`${method} ${target} HTTP/1.1`, "Host: rt", framing, ...headers];
  socket.write(encode(`${lines.join("\r\n")}\r\n\r\n`));
  const open = chunked ? encode(`${piece.length.toString(16)}\r\n`) : encode("");
  const close = chunked ? encode("\r\n") : encode("");
  for (let sent = 0; sent < size && !isOver; sent += piece.length) {
    const head = sent === 0 ? encode(begin) : encode("");
    const text = Buffer.concat([open, head, piece.subarray(head.length), close]);
    if (!socket.write(text)) await Promise.race([once(socket, "drain"), once(socket, "close")]);
  }
  if (chunked && !isOver) socket.write("0\r\n\r\n");
  const deadline = performance.now() + 10_000;
  while (!isOver && !reply.includes("\r\n\r\n") && performance.now() < deadline)
    await Bun.sleep(10);
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(reply)?.[1] ?? 0);
}

const json = ["Content-Type: application/json"];
const requests: Large[] = [
  { method: "POST", target: "/containers/create", headers: json, begin: '{"Image":"' },
  { method: "POST", target: "/containers/create", headers: json, begin: "[[", chunked: true },
  { method: "POST", target: "/volumes/create", headers: json, begin: '{"Name":"', chunked: true },
  { method: "POST", target: "/auth", headers: json, begin: '{"username":"' },
  { method: "POST", target: "/containers/large/update", headers: json },
  { method: "POST", target: "/containers/large/exec", headers: json, chunked: true },
  { method: "POST", target: "/commit?container=large", headers: json },
  { method: "POST", target: "/containers/large/start", chunked: true },
  { method: "GET", target: "/containers/json" },
  { method: "PUT", target: "/containers/large/archive?path=/tmp" },
  { method: "PUT", target: "/containers/large/archive?path=/tmp", chunked: true },
  { method: "PUT", target: "/containers/none/archive?path=/tmp" },
  { method: "POST", target: "/no/such/path" },
];

/** Four at once, as each JSON body may be held up to its limit. */
async function sendAll(): Promise<number[]> {
  const statuses: number[] = [];
  for (let at = 0; at < requests.length; at += 4)
    statuses.push(...(await Promise.all(requests.slice(at, at + 4).map(send))));
  return statuses;
}

test("bodies of 100 MB are refused, or taken piece by piece; the daemon answers meanwhile", async () => {
  const { daemon } = stage();
  await daemon.post("/containers/create?name=large", { Image: "busybox", Cmd: ["true"] });
  await sendAll();
  await Bun.sleep(1000);
  const before = await usageOf(daemon.pid);
  let [peak, slowest, isDone] = [0, 0, false];
  const watch = async (): Promise<void> => {
    while (!isDone) {
      const from = performance.now();
      expect((await daemon.request("/_ping")).status).toBe(200);
      slowest = Math.max(slowest, performance.now() - from);
      peak = Math.max(peak, (await usageOf(daemon.pid)).memory);
      await Bun.sleep(5);
    }
  };
  const watching = watch();
  for (let round = 0; round < 3; round++) {
    const statuses = await sendAll();
    const answered = requests.map(({ method, target }, at) => [method, target, statuses[at]]);
    for (const [method, target, status] of answered) {
      // A list and a start have no use for their body, which is left unread.
      const isFine = target === "/containers/json" || `${target}`.endsWith("/start");
      const least = isFine ? 200 : 400;
      expect([method, target, Number(status) >= least && Number(status) < 500]).toEqual([
        ...[method, target, true],
      ]);
    }
  }
  isDone = true;
  await watching;
  expect(peak - before.memory).toBeLessThan(50_000);
  expect(slowest).toBeLessThan(1000);
  await returnsTo(daemon.pid, before, { memory: 0.3 });
  await daemon.removeContainers();
}, 120_000);
