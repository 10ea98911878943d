import { describe, expect, test } from "bun:test";
import { createServer, type RequestListener } from "node:http";
import { Transport } from "./transport.ts";

const transport = new Transport({
  userAgent: "rt/test",
  attempts: 3,
  backoffMs: 1,
  stallMs: 5_000,
  onRetry: () => undefined,
});

async function counting(listener: RequestListener) {
  let connections = 0;
  const server = createServer(listener);
  server.on("connection", () => connections++);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    connections: () => connections,
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe("Transport", () => {
  test("redirects and refusals that are settled keep their connection", async () => {
    using server = await counting((request, response) => {
      if (request.url === "/")
        response.writeHead(307, { location: "/next", "content-length": 4 }).end("body");
      else response.writeHead(401, { "content-length": 4 }).end("none");
    });
    for (let i = 0; i < 3; i++) {
      const exchange = await transport.open(server.url);
      expect([exchange.status, exchange.url.pathname]).toEqual([401, "/next"]);
      await exchange.settle();
    }
    expect(server.connections()).toBe(1);
  });

  test("every request says who is asking and wants plain bytes", async () => {
    let headers: Record<string, unknown> = {};
    using server = await counting((request, response) => {
      headers = request.headers;
      response.end();
    });
    using _exchange = await transport.open(server.url, { headers: { accept: "a/b" } });
    expect(headers).toMatchObject({
      "user-agent": "rt/test",
      "accept-encoding": "identity",
      accept: "a/b",
    });
  });

  test("a pause between attempts ends when the caller gives up", async () => {
    const slow = new Transport({
      userAgent: "rt",
      attempts: 3,
      backoffMs: 60_000,
      stallMs: 1_000,
      onRetry: () => stop.abort(new Error("enough")),
    });
    const stop = new AbortController();
    const failing = async () => {
      throw Object.assign(new Error("reset"), { code: "ECONNRESET" });
    };
    await expect(slow.retrying({ signal: stop.signal }, failing)).rejects.toThrow("enough");
  });

  test("what will not change is not tried again", async () => {
    let attempts = 0;
    const failing = async () => {
      attempts++;
      throw Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    };
    await expect(transport.retrying({}, failing)).rejects.toThrow("refused");
    expect(attempts).toBe(1);
  });
});
