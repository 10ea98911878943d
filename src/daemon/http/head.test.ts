import { describe, expect, test } from "bun:test";
import { parseHead } from "./head.ts";
import { RequestError } from "./limits.ts";

const parse = (...lines: string[]) => parseHead(lines.join("\r\n"), 5);

function statusOf(...lines: string[]): number {
  try {
    parse(...lines);
    return 200;
  } catch (error) {
    if (error instanceof RequestError) return error.status;
    throw error;
  }
}

describe("parseHead", () => {
  test("method, target, headers and framing", () => {
    const head = parse("PUT /a?b=c HTTP/1.1", "Host:x", "X-A: 1 ", "x-a:\t2", "content-length: 7");
    expect(head).toMatchObject({ method: "PUT", target: "/a?b=c", minor: 1, keepAlive: true });
    expect({ ...head.headers }).toEqual({ host: "x", "x-a": "1, 2", "content-length": "7" });
    expect(head.body).toEqual({ kind: "length", length: 7 });
    expect(parse("PUT / HTTP/1.1", "Host: x", "Transfer-Encoding: Chunked").body).toEqual({
      kind: "chunked",
    });
  });

  test("what becomes of the connection", () => {
    const of = (minor: number, ...more: string[]) =>
      parse(`GET / HTTP/1.${minor}`, "Host: x", ...more);
    expect(of(1, "Connection: Close").keepAlive).toBe(false);
    expect(of(0).keepAlive).toBe(false);
    expect(of(0, "Connection: keep-alive").keepAlive).toBe(true);
    expect(of(1, "Connection: Upgrade", "Upgrade: tcp").upgrade).toBe(true);
    expect(of(1, "Upgrade: tcp").upgrade).toBe(false);
    expect(of(1, "Connection: upgrade").upgrade).toBe(false);
    expect(of(1, "Expect: 100-Continue").expectsContinue).toBe(true);
  });

  test("names of Object's members are headers like others", () => {
    const { headers } = parse("GET / HTTP/1.1", "Host: x", "__proto__: a", "constructor: b");
    expect(Object.entries(headers)).toEqual([
      ["host", "x"],
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  test.each([
    [400, ["GET  / HTTP/1.1", "Host: x"]],
    [400, ["GET / http/1.1", "Host: x"]],
    [400, ["G(T / HTTP/1.1", "Host: x"]],
    [505, ["GET / HTTP/3.0", "Host: x"]],
    [400, ["GET x/ HTTP/1.1", "Host: x"]],
    [400, ["GET / HTTP/1.1"]],
    [400, ["GET / HTTP/1.1", "Host: x", ""]],
    [400, ["GET / HTTP/1.1", "Host: x", ": y"]],
    [400, ["GET / HTTP/1.1", "Host: x", "host: x"]],
    [431, ["GET / HTTP/1.1", "Host: x", "A: 1", "B: 1", "C: 1", "D: 1", "E: 1"]],
    [400, ["GET / HTTP/1.1", "Host: x", "Content-Length: 0x1"]],
    [400, ["GET / HTTP/1.1", "Host: x", "Content-Length: 1, 1"]],
    [400, ["GET / HTTP/1.1", "Host: x", "Content-Length: "]],
    [417, ["GET / HTTP/1.1", "Host: x", "Expect: 200-ok"]],
  ] as const)("%i for %j", (status, lines) => {
    expect(statusOf(...lines)).toBe(status);
  });
});
