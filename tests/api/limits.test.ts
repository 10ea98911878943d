import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { type RawReply, type RawStep, raw, request } from "../support/raw.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { rtPath } from "../support/world.ts";

const stage = useStage();

const json = "Content-Type: application/json";
const create = "POST /containers/create";
const many = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: 1`);

async function send(...steps: RawStep[]): Promise<RawReply> {
  return await raw(stage().daemon.socket, steps);
}

/** In MiB. */
async function memory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** Every refusal: its status, JSON with a message and nothing else, the headers of all replies. */
function expectRefusal(reply: RawReply, status: number, words?: string | RegExp): void {
  expect([reply.status, reply.text]).toEqual([status, expect.any(String)]);
  const body = JSON.parse(reply.body);
  expect(Object.keys(body)).toEqual(["message"]);
  expect(body.message).toBeString();
  if (words !== undefined) expect(body.message).toMatch(words);
  expect(reply.headers["content-type"]).toBe("application/json");
  expect(reply.headers["api-version"]).toBe("1.56");
  expect(reply.headers.server).toStartWith("rt/");
}

const chunkedCreate = (body: string) => request(create, [json, "Transfer-Encoding: chunked"], body);
const jsonCreate = (body: string) =>
  request(create, [json, `Content-Length: ${Buffer.byteLength(body)}`, "Connection: close"], body);

describe("a request that is none ends its connection with JSON", () => {
  const cases: [string, string, number][] = [
    ["a TLS greeting", "\x16\x03\x01\x02\x00\x01", 400],
    ["a line of words", "hello world\r\n\r\n", 400],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    ["HTTP/0.9", "GET /_ping\r\n\r\n", 400],
    ["line feeds alone", "GET /_ping HTTP/1.1\nHost: rt\n\n\r\n\r\n", 400],
    ["no Host", "GET /_ping HTTP/1.1\r\n\r\n", 400],
    ["two Hosts", request("GET /_ping", ["Host: other"]), 400],
    ["a folded header", request("GET /_ping", ["X: a", " b"]), 400],
    ["a header's name with a space", request("GET /_ping", ["X : a"]), 400],
    ["a NUL in a header", request("GET /_ping", ["X: a\0b"]), 400],
    ["a lone carriage return in a header", request("GET /_ping", ["X: a\rb"]), 400],
    ["a NUL in the path", request("GET /_ping\0"), 400],
    ["bytes beyond ASCII in the path", request("GET /\xff\xfe"), 400],
    ["a target that is no path", request("GET _ping"), 400],
    ["CONNECT", request("CONNECT host:1"), 400],
    ["a method of 33 letters", request(`${"A".repeat(33)} /`), 400],
    ["an unknown expectation", request("GET /_ping", ["Expect: miracles"]), 417],
    ["headers of 16 KiB", request("GET /_ping", [`X: ${"a".repeat(16 * 1024)}`]), 431],
    ["headers without end", `GET /_ping HTTP/1.1\r\nX: ${"a".repeat(2_000_000)}`, 431],
    ["a URL of 16 KiB", request(`GET /${"a".repeat(16 * 1024)}`), 431],
    ["101 headers", request("GET /_ping", many(100)), 431],
    [
      "both lengths",
      request(create, ["Content-Length: 5", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
      400,
    ],
    ["two content lengths", request(create, ["Content-Length: 2", "Content-Length: 2"], "{}"), 400],
    ["a negative length", request(create, ["Content-Length: -2"], "{}"), 400],
    ["a length of 30 digits", request(create, [`Content-Length: ${"9".repeat(30)}`], "{}"), 400],
    ["a foreign transfer encoding", request(create, ["Transfer-Encoding: gzip, chunked"]), 400],
    [
      "chunks in HTTP/1.0",
      `${create} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
  ];
  test.each(cases)("%s", async (_, bytes, status) => {
    const reply = await send(bytes);
    expectRefusal(reply, status);
    expect(reply.headers.connection).toBe("close");
  });

  test("garbage behind a good request is answered after it", async () => {
    const reply = await send(`${request("GET /_ping")}xxxx yyyy\r\n\r\n`);
    expect(reply.text).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*OKHTTP\/1\.1 400 /);
  });

  test("a head or a body that is cut off", async () => {
    expectRefusal(await send("GET /_ping HTTP/1.1\r\nHo", "END"), 400, "cut off");
    const cut = request(create, [json, "Content-Length: 20"], '{"Image":');
    expectRefusal(await send(cut, "END"), 400, "cut off");
  });
});

describe("a body that lies", () => {
  const cases: [string, string][] = [
    ["a chunk size that is no number", "zz\r\n{}\r\n0\r\n\r\n"],
    ["a negative chunk size", "-2\r\n{}\r\n0\r\n\r\n"],
    ["a chunk that is longer than it says", "2\r\n{}x\r\n0\r\n\r\n"],
    ["a chunk size of sixteen digits", "FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n"],
    ["a chunk extension of 2 KiB", `2;${"a".repeat(2048)}\r\n{}\r\n0\r\n\r\n`],
    ["a chunk line without a carriage return", "2\n{}\r\n0\r\n\r\n"],
  ];
  test.each(cases)("%s", async (_, body) => {
    expectRefusal(await send(chunkedCreate(body)), 400);
  });

  test("a body of 4 MiB and a byte is refused before it is sent, or where it passes the limit", async () => {
    const size = 4 * 1024 * 1024 + 1;
    const announced = await send(request(create, [json, `Content-Length: ${size}`]));
    expectRefusal(announced, 413, "larger than 4194304 bytes");
    const huge = await send(request(create, [json, "Content-Length: 100000000"], "a".repeat(1e8)));
    expectRefusal(huge, 413);
    const chunk = `10000\r\n${" ".repeat(0x10000)}\r\n`;
    expectRefusal(await send(chunkedCreate(chunk.repeat(100))), 413);
    const fits = `${JSON.stringify({ Image: "busybox", Cmd: ["true"] })}${" ".repeat(4 * 1024 * 1024 - 100)}`;
    expect((await send(jsonCreate(fits))).status).toBe(201);
  });

  test("memory and descriptors do not grow by any of it", async () => {
    const { daemon } = stage();
    const before = await memory(daemon.pid);
    const body = "a".repeat(2e7);
    for (let i = 0; i < 20; i++) {
      expectRefusal(await send(request(create, [json, "Content-Length: 100000000"], body)), 413);
    }
    expect((await memory(daemon.pid)) - before).toBeLessThan(64);
  });
});

describe("JSON", () => {
  const nested = (depth: number) => `{"Labels":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
  const cases: [string, string, RegExp][] = [
    ["65 levels", nested(65), /more than 64 levels/],
    ["a million open brackets", "[".repeat(1e6), /more than 64 levels/],
    ["a million open objects", '{"a":'.repeat(5e5), /more than 64 levels/],
    ["the same name twice", '{"Image":"busybox","Image":"busybox"}', /same name twice/],
    [
      "the same name twice, once escaped",
      '{"Image":"busybox","\\u0049mage":"busybox"}',
      /same name/,
    ],
    [
      "the same name twice, deep",
      '{"Image":"busybox","Labels":{"a":"1","a":"2"}}',
      /same name twice/,
    ],
    ["__proto__", '{"Image":"busybox","__proto__":{"Cmd":["true"]}}', /"__proto__" is reserved/],
    ["__proto__, escaped, deep", '{"Labels":{"\\u005f_proto__":"a"}}', /"__proto__" is reserved/],
    ["a comma too many", '{"Image":"busybox",}', /invalid JSON/],
    ["something behind the end", '{"Image":"busybox"}{}', /invalid JSON/],
    ["a lone surrogate's half of a byte", '{"Image":"busybox', /invalid JSON/],
  ];
  test.each(cases)("%s is refused", async (_, body, words) => {
    expectRefusal(await send(jsonCreate(body)), 400, words);
  });

  test("64 levels, brackets in strings and the names of Object's members are only data", async () => {
    const body = {
      Image: "busybox",
      Cmd: ["echo", "[".repeat(200), '{"a":"\\'],
      Labels: { constructor: "a", prototype: "b", toString: "c", hasOwnProperty: "d" },
    };
    const reply = await send(jsonCreate(JSON.stringify(body)));
    expect(reply.status).toBe(201);
    const { Id } = JSON.parse(reply.body);
    const found = await stage().daemon.json<{ Config: { Labels: object; Cmd: string[] } }>(
      `/containers/${Id}/json`,
    );
    expect(found.Config.Labels).toEqual(body.Labels);
    expect(found.Config.Cmd).toEqual(body.Cmd);
    // It is JSON, and no valid request: what refuses it is not the depth.
    expectRefusal(await send(jsonCreate(nested(64))), 400, /^(?!.*levels)/);
  });

  test("filters in the URL have the same rules", async () => {
    const get = async (filters: string) =>
      await send(
        request(`GET /containers/json?filters=${encodeURIComponent(filters)}`, [
          "Connection: close",
        ]),
      );
    expectRefusal(await get(`{"label":${"[".repeat(70)}${"]".repeat(70)}}`), 400, /levels/);
    expectRefusal(await get('{"label":["a"],"label":["b"]}'), 400, /same name twice/);
    expectRefusal(await get('{"__proto__":["a"]}'), 400, /reserved/);
    expectRefusal(await get('{"constructor":["a"]}'), 400, /invalid filter/);
  });
});

describe("paths", () => {
  const cases: [string, string, number][] = [
    ["a broken percent sequence", "/containers/%zz/json", 400],
    ["a NUL", "/containers/a%00b/json", 400],
    ["a line break", "/containers/a%0ab/json", 400],
    ["bytes that are no UTF-8", "/containers/%ff/json", 400],
    ["dots", "/containers/../json", 404],
    ["encoded dots", "/containers/%2e%2e/json", 404],
    ["an encoded slash", "/containers/%2e%2e%2f%2e%2e%2fetc/json", 404],
    ["two slashes", "//containers/json", 404],
    ["dots as a volume", "/volumes/%2e%2e", 404],
    ["an old version", "/v1.2/info", 400],
    ["a version of three numbers", "/v1.2.3/info", 400],
    ["a version to come", "/v2.0/info", 400],
    ["a huge version", "/v99999999999999999999.1/info", 400],
    ["a version of dots", "/v.../info", 400],
  ];
  test.each(cases)("%s", async (_, path, status) => {
    expectRefusal(await send(request(`GET ${path}`, ["Connection: close"])), status);
  });

  test("the form that proxies use, and HTTP/1.0 without a Host, are understood", async () => {
    const proxied = await send(request("GET http://docker/v1.41/_ping", ["Connection: close"]));
    expect([proxied.status, proxied.body]).toEqual([200, "OK"]);
    const old = await send("GET /_ping HTTP/1.0\r\n\r\n");
    expect([old.status, old.body]).toEqual([200, "OK"]);
  });

  test("a web page is refused, whatever it asks", async () => {
    const reply = await send(
      request("POST /containers/prune", ["Origin: http://evil", "Connection: close"]),
    );
    expectRefusal(reply, 403, "Origin");
  });

  test("OPTIONS and an upgrade where there is none to be had are ordinary requests", async () => {
    expectRefusal(await send(request("OPTIONS /info", ["Connection: close"])), 404);
    const reply = await send(request("GET /_ping", ["Connection: upgrade, close", "Upgrade: h2c"]));
    expect([reply.status, reply.body]).toEqual([200, "OK"]);
  });
});

describe("time", () => {
  const slow = { timeout: 60_000 };
  test.concurrent(
    "a connection that asks nothing is ended after 15 s",
    async () => {
      const reply = await send();
      expect(reply.text).toBe("");
      expect(reply.ms).toBeGreaterThan(14_000);
    },
    slow,
  );

  test.concurrent(
    "so is one that sends its head byte by byte",
    async () => {
      const drip = Array.from(request("GET /_ping", ["X: abcdefgh"])).flatMap((byte) => [
        byte,
        600,
      ]);
      expectRefusal(await send(...drip), 408, "within 15 s");
    },
    slow,
  );

  test.concurrent(
    "a JSON body has 30 s",
    async () => {
      const drip = Array.from({ length: 40 }, () => [" ", 1000]).flat();
      const reply = await send(request(create, [json, "Content-Length: 1000"]), ...drip);
      expectRefusal(reply, 408, "longer than 30 s");
    },
    slow,
  );

  test.concurrent(
    "an idle connection that has asked before may wait, and ask again",
    async () => {
      const again = request("GET /_ping", ["Connection: close"]);
      const reply = await send(request("GET /_ping"), 20_000, again);
      expect(reply.text.match(/200 OK/g)?.length).toBe(2);
    },
    slow,
  );

  test.concurrent(
    "an archive that comes slowly is waited for",
    async () => {
      const { Id } = await (await stage().daemon.post("/containers/create", { Image: "busybox" }))
        .json()
        .then((value) => value as { Id: string });
      const block = Buffer.alloc(1024);
      const steps: RawStep[] = [
        request(`PUT /containers/${Id}/archive?path=/`, [
          "Content-Length: 2048",
          "Connection: close",
        ]),
        ...[35_000, block, 100, block],
      ];
      expect((await send(...steps)).status).toBe(200);
    },
    slow,
  );
});

test("a client that asks on and on and never reads is not kept answers for", async () => {
  const { daemon } = stage();
  const before = await memory(daemon.pid);
  const client = connect({ path: daemon.socket });
  client.on("error", () => {});
  client.pause();
  const asked = Buffer.from(request("GET /info").repeat(1000));
  let isFull = false;
  for (let i = 0; i < 300 && !isFull; i++) {
    if (!client.write(asked))
      isFull = await Promise.race([
        once(client, "drain").then(() => false),
        Bun.sleep(2000).then(() => true),
      ]);
  }
  expect(isFull).toBe(true);
  expect((await memory(daemon.pid)) - before).toBeLessThan(64);
  expect((await daemon.request("/_ping")).status).toBe(200);
  client.destroy();
});

describe("connections", () => {
  test("beyond their number idle ones make room, and where none is idle a newcomer is refused", async () => {
    const { world } = stage();
    const socket = world.path("few.sock");
    // Half of the descriptors are for clients.
    const limited = ["prlimit", "--nofile=128:128", rtPath, "daemon", "-H", `unix://${socket}`];
    const roots = ["--data-root", world.path("few"), "--run-root", world.path("few-run")];
    const daemon = world.spawnInCgroup([...limited, ...roots]);
    await daemon.prints("is ready", "stderr");
    const ask = async (line: string) => await raw(socket, [request(line, ["Connection: close"])]);
    const held: Socket[] = [];
    const hold = async (line: string): Promise<string> => {
      const client = connect({ path: socket });
      held.push(client);
      client.on("error", () => {});
      client.write(request(line));
      const [reply] = await once(client, "data");
      return reply.toString();
    };
    for (let i = 0; i < 64; i++) expect(await hold("GET /_ping")).toContain("200 OK");
    for (let i = 0; i < 64; i++) expect(await hold("GET /events")).toContain("200 OK");
    const refused = await ask("GET /_ping");
    expectRefusal(refused, 503, "too many connections");
    for (const client of held.slice(0, 100)) client.destroy();
    await until("room for another", async () => (await ask("GET /_ping")).status === 200);
    for (const client of held) client.destroy();
    process.kill(await world.innerPid(daemon), "SIGTERM");
    expect((await daemon.finished()).code).toBe(0);
  });
});
