import { expect, test } from "bun:test";
import { ConfigReads } from "./config-reads.ts";

const request = () => ({ signal: new AbortController().signal });
const bytes = (text: string) => new TextEncoder().encode(text);

test("a document is read once while anybody has it, and again after that", async () => {
  const reads = new ConfigReads();
  let count = 0;
  const read = async () => {
    count += 1;
    return bytes(`${count}`);
  };
  const first = await reads.take("sha256:x", request(), read);
  const second = await reads.take("sha256:x", request(), read);
  expect(second.raw).toBe(first.raw);
  first[Symbol.dispose]();
  (await reads.take("sha256:x", request(), read))[Symbol.dispose]();
  expect(count).toBe(1);
  second[Symbol.dispose]();
  (await reads.take("sha256:x", request(), read))[Symbol.dispose]();
  expect(count).toBe(2);
});

test("the read goes on when its first taker goes, and a failure is its starter's alone", async () => {
  const reads = new ConfigReads();
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const gone = new AbortController();
  const first = reads.take("sha256:x", gone, () => promise);
  const second = reads.take("sha256:x", request(), () => Promise.reject(new Error("not asked")));
  gone.abort(new Error("gone"));
  await expect(first).rejects.toThrow("gone");
  resolve(bytes("x"));
  expect((await second).raw).toEqual(bytes("x"));

  const failing = reads.take("sha256:y", request(), () => Promise.reject(new Error("no")));
  const other = reads.take("sha256:y", request(), async () => bytes("y"));
  await expect(failing).rejects.toThrow("no");
  expect((await other).raw).toEqual(bytes("y"));
});
