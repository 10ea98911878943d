/**
 * Docker's multiplexed stream: 8 bytes of header (stream, 3 × 0, payload length u32 big-endian), payload.
 * Source: Engine API, "Stream format" of ContainerAttach. The monitor's own protocol uses the same
 * frame with further kinds, so its output frames are relayed without being touched.
 */
export const stream = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  systemError: 3,
  exit: 4,
  failure: 5,
} as const;

/**
 * Our own client offers to upgrade the creation of an exec to this: started at once, its output in frames,
 * also that of a terminal, and behind it a frame `exit` of one byte, the exit code. The reply's header
 * {@link execIdHeader} has its id. Other engines do not know it and answer as ever.
 */
export const execProtocol = "rt-exec";
export const execIdHeader = "exec-id";

/**
 * The same for the creation of a container that is to be run and followed to its end, with `--rm` to its
 * removal. The headers have its id and, as percent-encoded JSON, the warnings. One that cannot be started has
 * a frame `failure` in place of `exit`: JSON of an {@link StreamFailure}.
 */
export const runProtocol = "rt-run";
export const containerIdHeader = "container-id";
export const warningsHeader = "container-warnings";

/** What would have been the reply to a request of its own. */
export interface StreamFailure {
  status: number;
  headers: Record<string, string>;
  body: { message: string };
}

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
    const data = joinBytes(this.#pending, chunk);
    const frames: Frame[] = [];
    let at = 0;
    for (let end = frameEnd(data, at); end > 0; end = frameEnd(data, at)) {
      frames.push({ kind: data[at] ?? 0, payload: data.subarray(at + frameHeaderBytes, end) });
      at = end;
    }
    this.#pending = data.slice(at);
    return frames;
  }
}

/**
 * Takes the headers out of a byte stream of frames, for output that is written on in pieces: what is there
 * of a payload is passed on, long ones as they lie in the chunk, short neighbours of one kind as one.
 */
export class FrameStripper {
  /** Of a header, when a chunk has ended in it. */
  #head: Uint8Array = new Uint8Array(0);
  #kind = 0;
  /** Bytes still to come of the payload. */
  #left = 0;

  /** Parts of `chunk`, which it may change. Throws RangeError on a payload beyond maxFramePayload. */
  push(chunk: Uint8Array): Frame[] {
    const data = joinBytes(this.#head, chunk);
    const pieces: Frame[] = [];
    let at = 0;
    // Where the piece lies that grows: payloads are moved up to it.
    let [from, to] = [0, 0];
    const cut = (): void => {
      if (to > from) pieces.push({ kind: this.#kind, payload: data.subarray(from, to) });
    };
    while (this.#left > 0 || data.length - at >= frameHeaderBytes) {
      if (this.#left === 0) {
        if (data[at] !== this.#kind) {
          cut();
          from = to = at;
        }
        this.#kind = data[at] ?? 0;
        this.#left = payloadLength(data, at);
        at += frameHeaderBytes;
      }
      const end = Math.min(at + this.#left, data.length);
      if (end - at > moveUpTo) {
        cut();
        from = at;
        to = end;
      } else {
        for (let i = at; i < end; i++) data[to++] = data[i] ?? 0;
      }
      this.#left -= end - at;
      at = end;
      if (at === data.length) break;
    }
    cut();
    this.#head = data.slice(at);
    return pieces;
  }
}

/** Up to so many bytes are moved to their neighbours. */
const moveUpTo = 512;

function joinBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const data = new Uint8Array(first.length + second.length);
  data.set(first);
  data.set(second, first.length);
  return data;
}

/** Where the frame ends that begins at `at`; 0 if it is not complete. */
function frameEnd(data: Uint8Array, at: number): number {
  const payload = at + frameHeaderBytes;
  if (payload > data.length) return 0;
  const end = payload + payloadLength(data, at);
  return end > data.length ? 0 : end;
}

/** Of the frame that begins at `at`. */
function payloadLength(data: Uint8Array, at: number): number {
  const high = ((data[at + 4] ?? 0) << 8) | (data[at + 5] ?? 0);
  const low = ((data[at + 6] ?? 0) << 8) | (data[at + 7] ?? 0);
  const size = high * 0x10000 + low;
  if (size > maxFramePayload) throw new RangeError(`frame of ${size} bytes in a stream`);
  return size;
}
