import { expect, test } from "bun:test";
import { buildFrame, FrameDecoder, maxFramePayload } from "./frames.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const frame = (kind: number, payload: string) =>
  buildFrame(kind, new TextEncoder().encode(payload));
const wire = Buffer.concat([
  frame(1, "a"),
  frame(1, "b".repeat(100)),
  frame(2, ""),
  frame(2, "c"),
  frame(1, "d"),
]);

test("frames come whole however the bytes are cut", () => {
  for (let size = 1; size <= wire.length; size += 7) {
    const decoder = new FrameDecoder();
    const joiner = new FrameDecoder();
    const frames: string[] = [];
    const joined = new Map<number, string>();
    for (let at = 0; at < wire.length; at += size) {
      const chunk = new Uint8Array(wire.subarray(at, at + size));
      for (const { kind, payload } of decoder.push(chunk)) frames.push(`${kind}${text(payload)}`);
      for (const { kind, payload } of joiner.pushJoined(chunk)) {
        joined.set(kind, (joined.get(kind) ?? "") + text(payload));
      }
    }
    expect(frames).toEqual(["1a", `1${"b".repeat(100)}`, "2", "2c", "1d"]);
    expect([...joined]).toEqual([
      [1, `a${"b".repeat(100)}d`],
      [2, "c"],
    ]);
  }
});

test("neighbours of one kind are joined, and their order is kept", () => {
  const frames = new FrameDecoder().pushJoined(new Uint8Array(wire));
  expect(frames.map(({ kind, payload }) => [kind, payload.length])).toEqual([
    [1, 101],
    [2, 1],
    [1, 1],
  ]);
});

test("a frame that is too long is refused", () => {
  const head = buildFrame(1, new Uint8Array());
  new DataView(head.buffer).setUint32(4, maxFramePayload + 1);
  expect(() => new FrameDecoder().push(head)).toThrow(RangeError);
  new DataView(head.buffer).setUint32(4, 2 ** 32 - 1);
  expect(() => new FrameDecoder().pushJoined(head)).toThrow(RangeError);
});
