import { expect, test } from "bun:test";
import { digestOf } from "../digest.ts";
import { ociLayer } from "../media-types.ts";
import { parseReference } from "../reference.ts";
import { RegistryClient } from "./client.ts";
import { segmentSize } from "./ranged-blob.ts";
import { type PeerRequest, reply, ScriptedPeer } from "./testing/scripted-peer.ts";

const blob = Buffer.alloc(5 * segmentSize + 1234);
for (let at = 0; at < blob.length; at += 4) if (at + 4 <= blob.length) blob.writeUInt32LE(at, at);
const descriptor = { mediaType: ociLayer, digest: digestOf(blob), size: blob.length };

function rangeOf(request: PeerRequest): { from: number; to: number } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
  if (match === null) return undefined;
  return { from: Number(match[1]), to: match[2] === "" ? blob.length : Number(match[2]) + 1 };
}

type Range = { from: number; to: number };
type Answer = (range: Range | undefined, count: number) => [number, Uint8Array, Range | undefined];

const honest: Answer = (range) =>
  range === undefined ? [200, blob, undefined] : [206, blob.subarray(range.from, range.to), range];

/** Reads the blob in ranges from a peer; the bytes, and the ranges that were asked for. */
async function read(answer: Answer): Promise<{ bytes: Buffer; asked: (Range | undefined)[] }> {
  const asked: (Range | undefined)[] = [];
  await using peer = await ScriptedPeer.start((request, socket) => {
    if (request.path === "/v2/") return reply(socket, 200, "{}");
    const range = rangeOf(request);
    asked.push(range);
    const [status, body, sent] = answer(range, asked.length);
    const length = sent === undefined ? blob.length : sent.to - sent.from;
    const header = sent && { "Content-Range": `bytes ${sent.from}-${sent.to - 1}/${blob.length}` };
    reply(socket, status, Buffer.from(body), { "Content-Length": length, ...header });
  });
  const client = new RegistryClient({
    ...{ insecureRegistries: [peer.host], rangesPerBlob: 3, backoffMs: 1, attempts: 3 },
  });
  const { stream } = await client.blob(parseReference(`${peer.host}/app`), descriptor);
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return { bytes: Buffer.concat(chunks), asked };
}

const sum = (asked: (Range | undefined)[]) =>
  asked.reduce((total, range) => total + (range === undefined ? 0 : range.to - range.from), 0);

test("a large blob comes in ranges, each byte once, and in order", async () => {
  const { bytes, asked } = await read(honest);
  expect(bytes.equals(blob)).toBe(true);
  expect(asked).toHaveLength(6);
  expect(sum(asked)).toBe(blob.length);
});

test("a range that breaks off goes on where it was", async () => {
  const { bytes, asked } = await read((range, count) => {
    const [status, body, sent] = honest(range, count);
    return [status, count === 2 ? body.subarray(0, 1_000_000) : body, sent];
  });
  expect(bytes.equals(blob)).toBe(true);
  expect(asked).toHaveLength(7);
  const again = sum(asked) - blob.length;
  // The end of what was sent may be lost with its connection.
  expect(again).toBeGreaterThanOrEqual(segmentSize - 1_000_000);
  expect(again).toBeLessThan(segmentSize);
});

test("a registry without ranges is read over one connection, and asked no second time", async () => {
  const { bytes, asked } = await read(() => honest(undefined, 1));
  expect(bytes.equals(blob)).toBe(true);
  expect(asked).toHaveLength(1);
});

test("a registry that changes its mind, or gives another range, is read over one connection", async () => {
  for (const other of [
    (): ReturnType<Answer> => honest(undefined, 1),
    (): ReturnType<Answer> => honest({ from: 5, to: 5 + segmentSize }, 1),
    (): ReturnType<Answer> => [416, Buffer.alloc(0), { from: 0, to: 0 }],
  ]) {
    const isSegment = (range: Range | undefined) => range !== undefined && range.to < blob.length;
    const { bytes } = await read((range, count) =>
      count > 2 && isSegment(range) ? other() : honest(range, count),
    );
    expect(bytes.equals(blob)).toBe(true);
  }
});

test("a failure is told as it is, without a second question", async () => {
  let count = 0;
  await expect(
    read(() => {
      count += 1;
      return [404, Buffer.alloc(0), { from: 0, to: 0 }];
    }),
  ).rejects.toMatchObject({ code: "not_found" });
  expect(count).toBe(1);
});

test("more than the range that was asked for is refused", async () => {
  await expect(
    read((range, count) => {
      const [status, , sent] = honest(range, count);
      return [status, blob, sent && { from: sent.from, to: sent.to }];
    }),
  ).rejects.toThrow();
});
