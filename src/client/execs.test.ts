import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildFrame, stream } from "../api/frames.ts";
import { type ExecRequest, Execs } from "./execs.ts";
import { Transport } from "./transport.ts";

let directory = "";
let server: Server | undefined;

afterEach(async () => {
  server?.close();
  await rm(directory, { recursive: true });
});

/** An engine that gives each request the answer to the first of the lines that it begins with. */
async function serve(answers: Record<string, string | Uint8Array>): Promise<Execs> {
  directory = await mkdtemp(join(tmpdir(), "rt-execs-"));
  const path = join(directory, "s.sock");
  const listening = Promise.withResolvers<void>();
  server = createServer((socket) => {
    socket.on("data", (data) => {
      const line = Object.keys(answers).find((each) => data.toString().startsWith(each));
      socket.write(answers[line ?? ""] ?? "HTTP/1.1 500 No\r\n\r\n");
    });
  });
  server.listen(path, listening.resolve);
  await listening.promise;
  return new Execs(new Transport({ kind: "unix", path }));
}

const request = { Cmd: ["true"], Tty: false } as ExecRequest;
const upgraded = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n";

test("an engine that knows the protocol runs it on one connection", async () => {
  const exit = buildFrame(stream.exit, Uint8Array.of(3));
  const head = `${upgraded}Upgrade: rt-exec\r\nExec-Id: abc\r\n\r\n`;
  const execs = await serve({
    "POST /containers/c/exec": Buffer.concat([Buffer.from(head), exit]),
  });
  const running = await execs.run("c", request);
  expect([running.id, running.isFramed]).toEqual(["abc", true]);
  expect(await running.stream.connection.read()).toEqual(exit);
});

test("any other engine is asked in Docker's steps", async () => {
  const created = '{"Id":"abc"}';
  const execs = await serve({
    "POST /containers/c/exec": `HTTP/1.1 201 Created\r\nContent-Length: ${created.length}\r\n\r\n${created}`,
    "POST /exec/abc/start": `${upgraded}\r\nraw`,
  });
  const running = await execs.run("c", { ...request, Tty: true });
  expect([running.id, running.isFramed]).toEqual(["abc", false]);
  expect(Buffer.from((await running.stream.connection.read()) ?? []).toString()).toBe("raw");
});
