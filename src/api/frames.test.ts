import { expect, test } from "bun:test";
import {
  buildFrame,
  FrameDecoder,
  FrameStripper,
  frameHeaderBytes,
  maxFramePayload,
} from "./frames.ts";

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
    const stripper = new FrameStripper();
    const frames: string[] = [];
    const stripped = new Map<number, string>();
    for (let at = 0; at < wire.length; at += size) {
      const chunk = new Uint8Array(wire.subarray(at, at + size));
      for (const { kind, payload } of decoder.push(chunk)) frames.push(`${kind}${text(payload)}`);
      for (const { kind, payload } of stripper.push(chunk.slice())) {
        stripped.set(kind, (stripped.get(kind) ?? "") + text(payload));
      }
    }
    expect(frames).toEqual(["1a", `1${"b".repeat(100)}`, "2", "2c", "1d"]);
    expect([...stripped]).toEqual([
      [1, `a${"b".repeat(100)}d`],
      [2, "c"],
    ]);
  }
});

test("a long payload is passed on as it comes, where it lies", () => {
  const stripper = new FrameStripper();
  const whole = new Uint8Array(frame(1, "x".repeat(5000)));
  const [first] = stripper.push(whole.subarray(0, 3000));
  expect(first?.payload.length).toBe(3000 - frameHeaderBytes);
  expect(first?.payload.buffer).toBe(whole.buffer);
  const [second] = stripper.push(whole.subarray(3000));
  expect(second?.kind).toBe(1);
  expect(second?.payload.length).toBe(2000 + frameHeaderBytes);
});

test("neighbours of one kind are joined, and their order is kept", () => {
  const frames = new FrameStripper().push(new Uint8Array(wire));
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
  expect(() => new FrameStripper().push(head)).toThrow(RangeError);
});
