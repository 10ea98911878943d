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

/** Cuts a byte stream into frames; keeps what is incomplete until more comes. */
export class FrameDecoder {
  #pending: Uint8Array = new Uint8Array(0);

  /** Frames that are complete now. Throws RangeError on a payload beyond maxFramePayload. */
  push(chunk: Uint8Array): Frame[] {
    const data = this.#join(chunk);
    const frames: Frame[] = [];
    let at = 0;
    for (let end = frameEnd(data, at); end > 0; end = frameEnd(data, at)) {
      frames.push({ kind: data[at] ?? 0, payload: data.subarray(at + frameHeaderBytes, end) });
      at = end;
    }
    this.#pending = data.slice(at);
    return frames;
  }

  /**
   * The same, with neighbouring frames of one kind as one: for output that comes a line to a frame and is
   * written on in pieces.
   */
  pushJoined(chunk: Uint8Array): Frame[] {
    const data = this.#join(chunk);
    const frames: Frame[] = [];
    const out = new Uint8Array(data.length);
    let [at, from, to] = [0, 0, 0];
    let kind = data[0] ?? 0;
    for (let end = frameEnd(data, at); end > 0; end = frameEnd(data, at)) {
      if (data[at] !== kind) {
        frames.push({ kind, payload: out.subarray(from, to) });
        kind = data[at] ?? 0;
        from = to;
      }
      at += frameHeaderBytes;
      if (end - at > copyByHand) {
        out.set(data.subarray(at, end), to);
        to += end - at;
      } else {
        for (let i = at; i < end; i++) out[to++] = data[i] ?? 0;
      }
      at = end;
    }
    if (at > 0) frames.push({ kind, payload: out.subarray(from, to) });
    this.#pending = data.slice(at);
    return frames;
  }

  #join(chunk: Uint8Array): Uint8Array {
    if (this.#pending.length === 0) return chunk;
    const data = new Uint8Array(this.#pending.length + chunk.length);
    data.set(this.#pending);
    data.set(chunk, this.#pending.length);
    return data;
  }
}

/** Up to so many bytes a loop is quicker than a call. */
const copyByHand = 64;

/** Where the frame ends that begins at `at`; 0 if it is not complete. */
function frameEnd(data: Uint8Array, at: number): number {
  const payload = at + frameHeaderBytes;
  if (payload > data.length) return 0;
  const high = ((data[at + 4] ?? 0) << 8) | (data[at + 5] ?? 0);
  const low = ((data[at + 6] ?? 0) << 8) | (data[at + 7] ?? 0);
  const size = high * 0x10000 + low;
  if (size > maxFramePayload) throw new RangeError(`frame of ${size} bytes in a stream`);
  return payload + size > data.length ? 0 : payload + size;
}
