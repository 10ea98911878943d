import { expect, test } from "bun:test";
import { readJsonStream } from "./json-stream.ts";

function bodyOf(...chunks: string[]) {
  const queue = chunks.map((chunk) => Buffer.from(chunk, "latin1"));
  let cancelled = false;
  return {
    next: () => Promise.resolve(queue.shift()),
    cancel: () => {
      cancelled = true;
    },
    get cancelled() {
      return cancelled;
    },
  };
}

test("readJsonStream yields values however the bytes are cut", async () => {
  const values = await Array.fromAsync(
    readJsonStream(bodyOf('{"a":1}\r\n{"b"', ':"\xc3', '\xa9"}\n\n{"c":3}')),
  );
  expect(values).toEqual([{ a: 1 }, { b: "é" }, { c: 3 }]);
});

test("readJsonStream gives the connection up when the reader stops", async () => {
  const body = bodyOf('{"a":1}\n{"b":2}\n');
  for await (const _ of readJsonStream(body)) break;
  expect(body.cancelled).toBe(true);
});

test("readJsonStream refuses what is not JSON", async () => {
  await expect(Array.fromAsync(readJsonStream(bodyOf("nonsense\n")))).rejects.toThrow(
    "cannot read the daemon's answer: not a stream of JSON",
  );
});
