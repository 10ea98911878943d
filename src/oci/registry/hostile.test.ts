import { describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { digestOf } from "../digest.ts";
import { manifestCap } from "../manifest.ts";
import { ociConfig, ociLayer, ociManifest } from "../media-types.ts";
import { parseReference } from "../reference.ts";
import { RegistryClient } from "./client.ts";
import { createCertificate } from "./testing/certificate.ts";
import { reply, type Script, ScriptedPeer } from "./testing/scripted-peer.ts";
import type { RegistryOptions } from "./types.ts";

const blob = Buffer.from("0123456789");
const descriptor = { mediaType: ociLayer, digest: digestOf(blob), size: blob.length };
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: ociManifest,
  config: { mediaType: ociConfig, digest: digestOf("{}"), size: 2 },
  layers: [],
});

/** A client whose only mirror of "reg.example" is the peer, with no pauses to speak of. */
function clientOf(peer: ScriptedPeer, options: RegistryOptions = {}): RegistryClient {
  return new RegistryClient({
    insecureRegistries: [peer.host],
    backoffMs: 1,
    attempts: 3,
    ...options,
  });
}

const isProbe = (path: string) => path === "/v2/";

/** Starts a peer that answers the probe of its scheme by itself. */
async function start(script: Script, tls?: { cert: string; key: string }): Promise<ScriptedPeer> {
  return ScriptedPeer.start((request, socket, count) => {
    if (isProbe(request.path)) reply(socket, 200, "{}");
    else script(request, socket, count);
  }, tls);
}

const refOf = (peer: ScriptedPeer, name = "app") => parseReference(`${peer.host}/${name}`);

async function read(peer: ScriptedPeer, options: RegistryOptions = {}): Promise<string> {
  const { stream } = await clientOf(peer, options).blob(refOf(peer), descriptor);
  let text = "";
  for await (const chunk of stream) text += Buffer.from(chunk).toString();
  return text;
}

/** Reads a blob chunk by chunk; the peer's last connection breaks whenever one has arrived. */
async function readAndBreak(peer: ScriptedPeer, open: Socket[]): Promise<string[]> {
  const { stream } = await clientOf(peer).blob(refOf(peer), descriptor);
  const chunks: string[] = [];
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk).toString());
    open.at(-1)?.end();
  }
  return chunks;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await Bun.sleep(10);
  }
  throw new Error("the condition never came true");
}

describe("blobs of a lying registry", () => {
  test("wrong bytes of the right size are refused at the end", async () => {
    await using peer = await start((_, socket) => reply(socket, 200, "0123456780"));
    await expect(read(peer)).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("wrong digest"),
    });
  });

  test("an announced size that differs is refused at once", async () => {
    for (const size of [9, 11]) {
      await using peer = await start((_, socket) => reply(socket, 200, "x".repeat(size)));
      await expect(read(peer)).rejects.toThrow(`expected 10 bytes, the registry sends ${size}`);
    }
  });

  test("a body that never ends is cut at the first byte too many, and its connection closed", async () => {
    await using peer = await start((_, socket) => {
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n");
      const timer = setInterval(() => socket.write("1\r\nx\r\n"), 1);
      socket.on("close", () => clearInterval(timer));
    });
    await expect(read(peer)).rejects.toThrow("larger than the declared 10 bytes");
    await until(() => peer.closed === 2);
  });

  test("a truncated body is taken up where it broke", async () => {
    const open: Socket[] = [];
    await using peer = await start((request, socket) => {
      const from = Number(/bytes=([0-9]+)-/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
      const status = from > 0 ? 206 : 200;
      const range = from > 0 ? `Content-Range: bytes ${from}-9/10\r\n` : "";
      socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: ${10 - from}\r\n${range}\r\n`);
      socket.write(blob.subarray(from, from + 4));
      open.push(socket);
    });
    expect(await readAndBreak(peer, open)).toEqual(["0123", "4567", "89"]);
    const ranges = peer.requests.map((r) => r.headers.get("range"));
    expect(ranges).toEqual([undefined, "bytes=4-", "bytes=8-"]);
  });

  test("a registry without ranges begins again, and no byte comes twice", async () => {
    const open: Socket[] = [];
    await using peer = await start((_, socket, count) => {
      socket.write("HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n");
      socket.write(blob.subarray(0, 4 * count));
      open.push(socket);
    });
    expect(await readAndBreak(peer, open)).toEqual(["0123", "4567", "89"]);
  });

  test("a body that breaks without a byte ends in an error, not in a loop", async () => {
    await using peer = await start((_, socket) => reply(socket, 200, "", { "Content-Length": 10 }));
    await expect(read(peer)).rejects.toMatchObject({
      code: "unavailable",
      message: `cannot reach registry ${peer.host}: connection closed before the answer was complete`,
    });
    expect(peer.requests.length).toBeLessThan(12);
  });

  test("a range that was not asked for is not taken for the rest", async () => {
    await using peer = await start((request, socket) => {
      if (request.headers.has("range"))
        reply(socket, 206, "6789", { "Content-Range": "bytes 6-9/10" });
      else reply(socket, 200, blob);
    });
    const { stream, offset } = await clientOf(peer).blob(refOf(peer), descriptor, { offset: 5 });
    expect(offset).toBe(0);
    await stream.cancel();
  });

  test("a range that cannot be satisfied starts from the beginning", async () => {
    await using peer = await start((request, socket) =>
      request.headers.has("range") ? reply(socket, 416) : reply(socket, 200, blob),
    );
    expect((await clientOf(peer).blob(refOf(peer), descriptor, { offset: 5 })).offset).toBe(0);
  });

  test("a compressed body is not what was asked for", async () => {
    const gzip = Bun.gzipSync(blob);
    await using peer = await start((_, socket) =>
      reply(socket, 200, gzip, { "Content-Encoding": "gzip" }),
    );
    await expect(read(peer)).rejects.toThrow("content encoding that was not asked for");
    expect(peer.requests.at(-1)?.headers.get("accept-encoding")).toBe("identity");
  });

  test("silence in mid-body is noticed", async () => {
    await using peer = await start((_, socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123");
    });
    await expect(read(peer, { stallMs: 50, attempts: 1 })).rejects.toThrow(
      `cannot reach registry ${peer.host}: no data for`,
    );
  });

  test("silence before the first byte is noticed", async () => {
    await using peer = await start(() => undefined);
    await expect(read(peer, { stallMs: 50, attempts: 1 })).rejects.toThrow("no data for");
  });

  test("cancelling a stream and aborting a call close the connection", async () => {
    await using peer = await start((_, socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123");
    });
    const { stream } = await clientOf(peer).blob(refOf(peer), descriptor);
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel();
    await until(() => peer.closed === 2);
    const stop = new AbortController();
    const second = await clientOf(peer).blob(refOf(peer), descriptor, { signal: stop.signal });
    const pending = second.stream.getReader();
    await pending.read();
    const next = pending.read();
    stop.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
    await until(() => peer.closed === 4);
  });
});

describe("manifests of a lying registry", () => {
  const resolve = (peer: ScriptedPeer, text = `${peer.host}/app`, options: RegistryOptions = {}) =>
    clientOf(peer, options).resolve(parseReference(text));

  test("by digest other bytes are refused", async () => {
    await using peer = await start((_, socket) => reply(socket, 200, manifest));
    const digest = digestOf("something else");
    await expect(resolve(peer, `${peer.host}/app@${digest}`)).rejects.toThrow("wrong digest");
  });

  test("a digest header that does not fit the bytes is refused", async () => {
    await using peer = await start((_, socket) =>
      reply(socket, 200, manifest, { "Docker-Content-Digest": digestOf("x") }),
    );
    await expect(resolve(peer)).rejects.toThrow("wrong digest");
  });

  test("a manifest of five mebibytes is refused, announced or not", async () => {
    const huge = Buffer.alloc(5 * 1024 * 1024, " ");
    await using peer = await start((_, socket) => reply(socket, 200, huge));
    await expect(resolve(peer)).rejects.toThrow(`larger than ${manifestCap} bytes`);
    await using chunked = await start((_, socket) => {
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      socket.write(`${huge.length.toString(16)}\r\n`);
      socket.end(huge);
    });
    await expect(resolve(chunked)).rejects.toThrow(`larger than ${manifestCap} bytes`);
  });

  test("a document with both manifests and layers is refused", async () => {
    const both = JSON.stringify({ ...JSON.parse(manifest), mediaType: undefined, manifests: [] });
    await using peer = await start((_, socket) => reply(socket, 200, both));
    await expect(resolve(peer)).rejects.toThrow("it has both manifests and layers");
  });

  test("a gzip body is not decompressed", async () => {
    const gzip = Bun.gzipSync(Buffer.from(manifest));
    await using peer = await start((_, socket) =>
      reply(socket, 200, gzip, { "Content-Encoding": "gzip" }),
    );
    await expect(resolve(peer)).rejects.toThrow("not valid JSON");
  });

  test("a failing registry gets another try, and Retry-After is obeyed", async () => {
    const retries: number[] = [];
    await using peer = await start((_, socket, count) => {
      if (count === 1) reply(socket, 500);
      else if (count === 2) reply(socket, 429, "", { "Retry-After": "0" });
      else reply(socket, 200, manifest);
    });
    const found = await resolve(peer, undefined, {
      onRetry: (event) => retries.push(event.attempt),
    });
    expect(found.descriptor.digest).toBe(digestOf(manifest));
    expect(retries).toEqual([1, 2]);
  });

  test("a registry that asks for hours of patience gets an answer's worth", async () => {
    const body = JSON.stringify({
      errors: [{ code: "TOOMANYREQUESTS", message: "rate\u001b[31m limit" }],
    });
    await using peer = await start((_, socket) =>
      reply(socket, 429, body, { "Retry-After": "21600" }),
    );
    await expect(resolve(peer)).rejects.toMatchObject({
      code: "unavailable",
      message: `too many requests to registry ${peer.host}: rate?[31m limit`,
    });
    expect(peer.requests).toHaveLength(1);
  });

  test("statuses are told in words, without the registry's control bytes", async () => {
    const cases: [number, string, string, string][] = [
      [
        401,
        "",
        "unauthorized",
        "pull access denied for HOST/app, repository does not exist or may require 'rt login'",
      ],
      [403, "no\u0007", "forbidden", "registry HOST denied access to HOST/app: no?"],
      [404, "", "not_found", "manifest for HOST/app:latest not found: manifest unknown"],
      [418, "tea", "unavailable", "registry HOST refused the request: HTTP status 418: tea"],
      [502, "", "unavailable", "registry HOST failed: HTTP status 502"],
    ];
    for (const [status, message, code, words] of cases) {
      const body = JSON.stringify({ errors: [{ code: "X", message }] });
      await using peer = await start((_, socket) =>
        reply(socket, status, message === "" ? "<html>" : body),
      );
      await expect(resolve(peer)).rejects.toMatchObject({
        code,
        message: words.replaceAll("HOST", peer.host),
      });
    }
  });

  test("an answer that is no HTTP is an error", async () => {
    await using peer = await start((_, socket) => socket.end("SSH-2.0-OpenSSH\r\n\r\n"));
    await expect(resolve(peer)).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("redirects", () => {
  test("a redirect elsewhere is followed without the credentials", async () => {
    await using storage = await start((_, socket) => reply(socket, 200, blob));
    await using peer = await start((request, socket) => {
      if (!request.headers.has("authorization"))
        reply(socket, 401, "", { "WWW-Authenticate": "Basic" });
      else reply(socket, 307, "", { Location: `${storage.url}/blob?signature=1` });
    });
    const credentials = async () => ({ username: "u", password: "p" });
    expect(await read(peer, { credentials })).toBe("0123456789");
    expect(peer.requests.at(-1)?.headers.get("authorization")).toBe(`Basic ${btoa("u:p")}`);
    expect(storage.requests[0]?.headers.has("authorization")).toBe(false);
    expect(storage.requests[0]?.path).toBe("/blob?signature=1");
  });

  test("a redirect within the registry keeps the credentials", async () => {
    await using peer = await start((request, socket) => {
      if (!request.headers.has("authorization"))
        reply(socket, 401, "", { "WWW-Authenticate": "Basic" });
      else if (request.path === "/other") reply(socket, 200, blob);
      else reply(socket, 302, "", { Location: "/other" });
    });
    const credentials = async () => ({ username: "u", password: "p" });
    expect(await read(peer, { credentials })).toBe("0123456789");
  });

  test("a redirect loop ends", async () => {
    await using peer = await start((request, socket) =>
      reply(socket, 307, "", { Location: request.path }),
    );
    await expect(read(peer)).rejects.toThrow("redirects more than 10 times");
    expect(peer.requests).toHaveLength(11);
  });

  test("a redirect to no address is refused", async () => {
    for (const location of ["file:///etc/passwd", "http://u:p@127.0.0.1/", "http://["]) {
      await using peer = await start((_, socket) => reply(socket, 307, "", { Location: location }));
      await expect(read(peer)).rejects.toMatchObject({ code: "forbidden" });
    }
  });

  test("no redirect leads from https to http", async () => {
    await using plain = await start((_, socket) => reply(socket, 200, blob));
    const script: Script = (_, socket) => reply(socket, 307, "", { Location: `${plain.url}/x` });
    await using peer = await start(script, createCertificate());
    await expect(read(peer)).rejects.toMatchObject({
      code: "forbidden",
      message: `registry ${peer.host} redirects from https to http://${plain.host}`,
    });
    expect(plain.requests).toHaveLength(0);
  });
});

describe("https", () => {
  test("an insecure registry is spoken to by https if it can, whatever its certificate", async () => {
    await using peer = await start(
      (_, socket) => reply(socket, 200, manifest),
      createCertificate(),
    );
    const found = await clientOf(peer).resolve(refOf(peer));
    expect(found.endpoint).toBe(`https://${peer.host}`);
  });

  test("another registry's certificate must be valid", async () => {
    await using peer = await start(
      (_, socket) => reply(socket, 200, manifest),
      createCertificate(),
    );
    // By its name the mirror is loopback, which needs no valid certificate; by its redirect target it is not exempt.
    await using first = await start((_, socket) =>
      reply(socket, 307, "", { Location: `${peer.url}/` }),
    );
    await expect(clientOf(first).resolve(refOf(first))).rejects.toMatchObject({
      code: "unavailable",
      message: `cannot reach registry ${first.host}: its certificate is self-signed`,
    });
  });
});
