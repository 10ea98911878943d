import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { routes } from "../api/routes.ts";
import { EngineError } from "../errors.ts";
import { Engine } from "./engine.ts";
import { buildTarget } from "./request.ts";
import { Transport } from "./transport.ts";

let directory = "";
let path = "";
let server: Server | undefined;
let transport: Transport;
/** Every request that the scripted engine got, and how many connections it had. */
let requests: string[] = [];
let connections = 0;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "rt-transport-"));
  path = join(directory, "s.sock");
  transport = new Transport({ kind: "unix", path });
  requests = [];
  connections = 0;
});

afterEach(async () => {
  transport.close();
  server?.close();
  server = undefined;
  await rm(directory, { recursive: true });
});

/** An engine that answers the n-th request on each connection with the n-th of `answers`. */
async function script(...answers: (string | ((socket: Socket) => void))[]): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server = createServer({ allowHalfOpen: true }, (socket) => {
    connections++;
    let turn = 0;
    socket.on("data", (data) => {
      requests.push(data.toString("latin1"));
      const answer = answers[turn++];
      if (typeof answer === "string") socket.write(answer, "latin1");
      else answer?.(socket);
    });
    socket.on("error", () => {});
  });
  server.listen(path, listening.resolve);
  await listening.promise;
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";

async function text(): Promise<string> {
  const { body } = await transport.request(routes.ping);
  return await body.text();
}

async function failure(promise: Promise<unknown>): Promise<EngineError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof EngineError) return error;
  throw new Error(`expected an EngineError, got ${String(error)}`);
}

describe("Transport", () => {
  test("sends a request with its query and its body", async () => {
    await script(ok);
    const options = { query: { name: "a b", all: true, none: undefined }, json: { x: "é" } };
    await transport.request(routes.containerCreate, options);
    expect(requests[0]).toBe(
      'POST /containers/create?name=a%20b&all=1 HTTP/1.1\r\nHost: rt\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"x":"Ã©"}',
    );
  });

  test("uses a connection again after a whole reply", async () => {
    await script(ok, "HTTP/1.1 204 No Content\r\n\r\n", ok);
    expect([await text(), await text(), await text()]).toEqual(["OK", "", "OK"]);
    expect(connections).toBe(1);
  });

  test("opens another connection while one is busy, and after one that closes", async () => {
    await script("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nOK");
    await Promise.all([text(), text()]);
    await text();
    expect(connections).toBe(3);
  });

  test("reads a chunked body however it is cut", async () => {
    const reply =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    await script(async (socket) => {
      for (const byte of reply) {
        socket.write(byte);
        await Bun.sleep(0);
      }
    }, ok);
    expect(await text()).toBe("hello 0123456789");
    expect(await text()).toBe("OK");
    expect(connections).toBe(1);
  });

  test("reads a body without a length until the connection ends", async () => {
    await script((socket) => socket.end("HTTP/1.0 200 OK\r\n\r\nall of it"));
    expect(await text()).toBe("all of it");
  });

  test("passes over interim replies", async () => {
    await script(`HTTP/1.1 100 Continue\r\n\r\n${ok}`);
    expect(await text()).toBe("OK");
  });

  test("turns an error reply into an EngineError with its code and hint", async () => {
    const body = '{"message":"no x"}';
    await script(
      `HTTP/1.1 400 Bad\r\nRt-Error-Code: command_not_found\r\nRt-Error-Hint: do%20y\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(await failure(text())).toMatchObject({
      code: "command_not_found",
      message: "Error response from daemon: no x",
      hint: "do y",
    });
  });

  test("goes by Docker's words where a start fails without a code", async () => {
    const body = '{"message":"exec: \\"x\\": executable file not found in $PATH"}';
    const reply = `HTTP/1.1 400 Bad\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    await script(reply, reply);
    expect((await failure(transport.request(routes.containerStart))).code).toBe(
      "command_not_found",
    );
    expect((await failure(transport.request(routes.containerStop))).code).toBe("invalid_argument");
  });

  test("says that nobody listens, and how to go on", async () => {
    expect(await failure(text())).toMatchObject({
      code: "unavailable",
      message: `cannot connect to the rt daemon at unix://${path}: no such socket`,
      hint: "is the daemon running? start it with 'rt daemon', or name another with -H",
    });
  });

  test("starts an engine once when nobody listens", async () => {
    let starts = 0;
    const starting = new Transport({ kind: "unix", path }, async () => {
      starts++;
      await script(ok);
      return true;
    });
    await (await starting.request(routes.ping)).body.text();
    expect(starts).toBe(1);
    starting.close();
  });

  const garbage: [string, string, string][] = [
    ["another protocol", "SSH-2.0-OpenSSH\r\n", "not HTTP"],
    ["a broken status line", "HTTP/1.1 abc\r\n\r\n", "not HTTP"],
    ["a broken header", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "a malformed header in the answer"],
    [
      "an unknown encoding",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      'transfer encoding "gzip" in the answer',
    ],
  ];
  for (const [name, answer, detail] of garbage) {
    test(`calls ${name} what it is`, async () => {
      await script(answer);
      const error = await failure(text());
      expect(error.message).toBe(
        `cannot connect to the rt daemon at unix://${path}: what answers there is not a container engine: ${detail}`,
      );
      expect(error.code).toBe("unavailable");
    });
  }

  test("tells an answer that is not JSON", async () => {
    await script("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>");
    const error = await failure(new Engine(transport).version());
    expect(error.message).toEndWith("what answers there is not a container engine: not JSON");
  });

  test("tells a connection that ends before an answer", async () => {
    await script((socket) => socket.destroy());
    expect((await failure(text())).message).toContain("not a container engine: no answer");
  });

  test("tells a reply that is cut off", async () => {
    await script((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"));
    expect((await failure(text())).message).toContain("the answer was cut off");
  });

  test("gives up when it is aborted", async () => {
    await script(() => {});
    const controller = new AbortController();
    const pending = transport.request(routes.ping, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(pending).rejects.toThrow("enough");
  });

  test("hijacks a connection, with what came after the head, and half-closes it", async () => {
    let received = "";
    await script((socket) => {
      socket.write(
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\r\nearly",
      );
      socket.on("data", (data) => {
        received += data.toString();
      });
      socket.on("end", () => socket.end("late"));
    });
    const stream = await transport.hijack(routes.containerAttach, { path: { id: "x" } });
    expect(stream.multiplexed).toBe(true);
    await stream.connection.write(Buffer.from("typed"));
    stream.connection.closeWrite();
    let output = "";
    for (
      let chunk = await stream.connection.read();
      chunk;
      chunk = await stream.connection.read()
    ) {
      output += Buffer.from(chunk).toString();
    }
    expect(output).toBe("earlylate");
    expect(received).toBe("typed");
  });

  test("makes a fast engine wait for a slow reader and loses nothing", async () => {
    const total = 8 * 1024 * 1024;
    let sent = 0;
    await script((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      const pump = () => {
        while (sent < total) {
          sent += 65536;
          if (!socket.write(Buffer.alloc(65536, sent / 65536))) return;
        }
      };
      socket.on("drain", pump);
      pump();
    });
    const { body } = await transport.request(routes.ping);
    await Bun.sleep(100);
    expect(sent).toBeLessThan(total);
    let received = 0;
    for (let chunk = await body.next(); chunk; chunk = await body.next()) {
      for (const byte of [chunk[0], chunk.at(-1)]) expect(byte).toBeDefined();
      received += chunk.length;
    }
    expect(received).toBe(total);
  });
});

test("buildTarget keeps the slashes of names and escapes those of IDs", () => {
  expect(buildTarget("/images/{name*}/json", { path: { name: "a/b:1@sha256:0?" } })).toBe(
    "/images/a/b:1@sha256:0%3F/json",
  );
  expect(buildTarget("/containers/{id}/json", { path: { id: "a/../b c" } })).toBe(
    "/containers/a%2F..%2Fb%20c/json",
  );
});
