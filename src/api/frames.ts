/**
 * Docker's multiplexed stream: 8 bytes of header (stream, 3 × 0, payload length u32 big-endian), payload.
 * Source: Engine API, "Stream format" of ContainerAttach. The monitor's own protocol uses the same
 * frame with further kinds, so its output frames are relayed without being touched.
 */
export const stream = { stdin: 0, stdout: 1, stderr: 2, systemError: 3 } as const;

export const frameHeaderBytes = 8;
/** Longest payload that is taken from a peer; a longer one is a broken stream. */
export const maxFramePayload = 16 * 1024 * 1024;

export interface Frame {
  kind: number;
  payload: Uint8Array;
}

export function buildFrame(kind: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + payload.length);
  frame[0] = kind;
  new DataView(frame.buffer).setUint32(4, payload.length);
  frame.set(payload, frameHeaderBytes);
  return frame;
}

/** Puts payloads of neighbouring frames of one kind together, so that many short lines are one write. */
export function joinFrames(frames: readonly Frame[]): Frame[] {
  const joined: Frame[] = [];
  for (let first = 0; first < frames.length; ) {
    const kind = frames[first]?.kind ?? 0;
    let size = 0;
    let end = first;
    for (; frames[end]?.kind === kind; end++) size += frames[end]?.payload.length ?? 0;
    const payload = new Uint8Array(size);
    let at = 0;
    for (const frame of frames.slice(first, end)) {
      payload.set(frame.payload, at);
      at += frame.payload.length;
    }
    joined.push({ kind, payload });
    first = end;
  }
  return joined;
}

/** Cuts a byte stream into frames; keeps what is incomplete until more comes. */
export class FrameDecoder {
  #pending: Uint8Array = new Uint8Array(0);

  /** Frames that are complete now. Throws RangeError on a payload beyond maxFramePayload. */
  push(chunk: Uint8Array): Frame[] {
    let data = chunk;
    if (this.#pending.length > 0) {
      data = new Uint8Array(this.#pending.length + chunk.length);
      data.set(this.#pending);
      data.set(chunk, this.#pending.length);
    }
    const frames: Frame[] = [];
    let at = 0;
    while (data.length - at >= frameHeaderBytes) {
      const size = new DataView(data.buffer, data.byteOffset + at + 4, 4).getUint32(0);
      if (size > maxFramePayload) throw new RangeError(`frame of ${size} bytes in a stream`);
      const end = at + frameHeaderBytes + size;
      if (end > data.length) break;
      frames.push({ kind: data[at] ?? 0, payload: data.subarray(at + frameHeaderBytes, end) });
      at = end;
    }
    this.#pending = data.slice(at);
    return frames;
  }
}
