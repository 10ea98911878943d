/** Layers that the kernel sends to the client by itself, and clients that do not let it. */
import { beforeAll, expect, test } from "bun:test";
import { readdir, readlink, stat, truncate, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { expectRefusal } from "../support/sentence.ts";
import { useStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const stage = useStage({ pulled: [] });
const mib = 1024 * 1024;
let expected: string;
let blob: string;

beforeAll(async () => {
  const { world, daemon } = stage();
  const make = `cd ${world.root} && head -c ${16 * mib} /dev/urandom >big && tar -cf big.tar big`;
  expect((await world.run(["sh", "-c", make])).code).toBe(0);
  await world.rtOutput(["import", world.path("big.tar"), "big:1"]);
  await world.rtOutput(["save", "-o", world.path("saved.tar"), "big:1"]);
  expected = hash(await Bun.file(world.path("saved.tar")).bytes());
  const blobs = `${daemon.dataRoot}/content/blobs/sha256`;
  for (const name of await readdir(blobs))
    if ((await stat(`${blobs}/${name}`)).size > mib) blob = `${blobs}/${name}`;
});

const hash = (bytes: Uint8Array): string => Bun.SHA256.hash(bytes, "hex");
const request = (minor: 0 | 1): string =>
  `GET /images/big:1/get HTTP/1.${minor}\r\nHost: d\r\n\r\n`;

/** What holds the layer open in the daemon. */
async function holders(): Promise<number> {
  const { daemon } = stage();
  const fds = `/proc/${daemon.pid}/fd`;
  const open = await Promise.all(
    (await readdir(fds)).map((fd) => readlink(`${fds}/${fd}`).catch(() => "")),
  );
  return open.filter((path) => path.includes(blob.slice(blob.lastIndexOf("/")))).length;
}

/** A client that reads nothing but the beginning, once it is being sent to. */
async function dawdle(): Promise<Socket> {
  const socket = connect({ path: stage().daemon.socket, allowHalfOpen: true });
  socket.on("error", () => {});
  socket.write(request(1));
  await new Promise((resolve) => socket.once("readable", resolve));
  await until("the layer to be sent", async () => (await holders()) > 0);
  return socket;
}

/** The body of one answer in chunks, and what follows it. */
function split(bytes: Buffer): { body: Buffer; rest: Buffer } {
  const pieces: Buffer[] = [];
  let at = bytes.indexOf("\r\n\r\n") + 4;
  for (;;) {
    const end = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.subarray(at, end).toString("latin1"), 16);
    pieces.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
    if (size === 0) return { body: Buffer.concat(pieces), rest: bytes.subarray(at) };
  }
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("one connection carries an archive after another", async () => {
  const socket = connect({ path: stage().daemon.socket });
  const last = request(1).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
  socket.write(request(1) + request(1) + last);
  let rest = await readAll(socket);
  for (let count = 0; count < 3; count++) {
    const answer = split(rest);
    expect(hash(answer.body)).toBe(expected);
    rest = answer.rest;
  }
  expect(rest).toHaveLength(0);
});

test("a client without chunks gets the same bytes", async () => {
  const socket = connect({ path: stage().daemon.socket });
  socket.write(request(0));
  const all = await readAll(socket);
  expect(hash(all.subarray(all.indexOf("\r\n\r\n") + 4))).toBe(expected);
});

test("many clients get it at once, and one that dawdles keeps none of them waiting", async () => {
  const { world } = stage();
  const slow = await dawdle();
  const save = async (index: number) => {
    await world.rtOutput(["save", "-o", world.path(`at-once-${index}.tar`), "big:1"]);
    return hash(await Bun.file(world.path(`at-once-${index}.tar`)).bytes());
  };
  expect(await Promise.all([1, 2, 3, 4].map(save))).toEqual(Array(4).fill(expected));
  slow.destroy();
  await until("the layer to be let go", async () => (await holders()) === 0);
});

test("a client that goes, or says its last word, lets the layer go", async () => {
  for (const leave of ["destroy", "end"] as const) {
    const socket = await dawdle();
    socket[leave]();
    await until(`the layer to be let go after ${leave}`, async () => (await holders()) === 0);
    socket.destroy();
  }
});

test("a client that half closes is not told a proper end of half an archive", async () => {
  const socket = connect({ path: stage().daemon.socket, allowHalfOpen: true });
  socket.on("error", () => {});
  socket.end(request(1));
  const all = await readAll(socket).catch(() => Buffer.alloc(0));
  const ended = all.subarray(-5).toString() === "0\r\n\r\n";
  if (ended) expect(hash(split(all).body)).toBe(expected);
});

test("what is sent holds neither the layer nor the connection open afterwards", async () => {
  const socket = connect({ path: stage().daemon.socket });
  let body = "";
  let count = 0;
  socket.on("data", (chunk: Buffer) => {
    count += chunk.length;
    body = (body + chunk.subarray(-5).toString("latin1")).slice(-5);
  });
  socket.write(request(1));
  await until("all of it to come", () => count > 16 * mib && body === "0\r\n\r\n");
  expect(await holders()).toBe(0);
  socket.destroy();
});

test("a layer that has become shorter breaks the archive off", async () => {
  const { world } = stage();
  const whole = await Bun.file(blob).bytes();
  await truncate(blob, whole.length - 1);
  const file = world.path("broken.tar");
  const ran = await world.rt(["save", "-o", file, "big:1"]);
  expect([ran.code, await Bun.file(file).exists()]).toEqual([1, false]);
  await writeFile(blob, whole);
  await world.rtOutput(["save", "-o", file, "big:1"]);
  expect(hash(await Bun.file(file).bytes())).toBe(expected);
});

test("a disk that is full is named, and keeps nothing of the archive", async () => {
  const { world } = stage();
  const small = world.path("small");
  const mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", small];
  expect((await world.run(["mkdir", small])).code).toBe(0);
  expect((await world.run(mount)).code).toBe(0);
  const ran = await world.rt(["save", "-o", `${small}/full.tar`, "big:1"]);
  const left = await world.run(["ls", "-A", small]);
  expect((await world.run(["umount", small])).code).toBe(0);
  expectRefusal(ran, 1, /no space left/i);
  expect(left.stdout).toBe("");
});

test("a daemon that stops does not wait for a client that does not read", async () => {
  const { daemon } = stage();
  const socket = await dawdle();
  expect(await daemon.stop()).toBe(0);
  const size = await new Promise<number>((resolve) => {
    let total = 0;
    socket.on("data", (chunk: Buffer) => {
      total += chunk.length;
    });
    socket.on("close", () => resolve(total));
    socket.on("end", () => socket.destroy());
  });
  expect(size).toBeLessThan(16 * mib);
});
