import { randomInt } from "node:crypto";
import { connect, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { buildFrame, FrameDecoder, frameHeaderBytes } from "../../api/frames.ts";
import { EngineError, type ErrorCode, errorCodes } from "../../errors.ts";
import type { Adoption, MonitorForms } from "../../native-types/exec.ts";
import type { ExitRecord, Native } from "../../native-types/native.ts";
import { descriptorOf, stopReading } from "../descriptor.ts";

/**
 * The monitor's side of a container: a frame is a kind, three zero bytes, a big-endian u32 length, and
 * the payload, as in Docker's stream. Kinds 0 to 2 are stdin, stdout and stderr.
 *
 *     daemon                     monitor
 *       ── WATCH ──────────────▶         one control connection per container
 *       ◀───────────────── ACK ──
 *       ── ATTACH(flags) ──────▶         further connections, one per attached client
 *       ◀───────────────── ACK ──
 *       ── START ──────────────▶         opens the gate
 *       ◀──── STARTED | FAILED ──
 *       ◀── stdout, stderr … ────        on attached connections
 *       ── EXEC(request) ──────▶         built by the addon
 *       ◀───────────────── ACK ──
 *       ◀── EXEC_STARTED | _FAILED ──    later EXEC_EXITED, all with the exec's id
 *       ── RESOLVE ────────────▶         names are to be answered from now on
 *       ◀───────────────── ACK ──
 *       ── ADOPT + descriptor ─▶         sent by the addon: a client's own connection
 *       ◀───────────────── ACK ──
 *       ◀── DETACHED, RELEASED ──        when that client asks to be let go, or is
 *       ◀──────────────── OOM ───        on the control connection, whenever it happens
 *       ◀───────────── EXITED ───        on the control connection, once, the last frame
 *
 * A monitor may be older or newer than this daemon, see docs/design/monitor.md: there may be new kinds of
 * frames, and new parts at their ends. EXEC and ADOPT have forms, of which the ACK of WATCH tells.
 */
const kind = {
  stdin: 0x00,
  attach: 0x10,
  stdinClose: 0x11,
  resize: 0x12,
  signal: 0x13,
  start: 0x14,
  watch: 0x15,
  exec: 0x16,
  resolve: 0x18,
  ack: 0x20,
  started: 0x21,
  failed: 0x22,
  exited: 0x23,
  execStarted: 0x24,
  execFailed: 0x25,
  execExited: 0x26,
  oom: 0x27,
  detached: 0x28,
  released: 0x29,
} as const;

const nothing = new Uint8Array(0);

export interface AttachFlags {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

/** What comes to pass with a client that a monitor has been given. */
export interface AdoptionEvents {
  /** It has typed its detach keys. */
  detached(): void;
  /** It has got all there was for it, or the monitor is gone; or it is gone itself. */
  released(isGone: boolean): void;
}

interface Reply {
  resolve(payload: Uint8Array): void;
  reject(error: EngineError): void;
}

/** How an exec fares; `id` is the one it was asked with. */
export type ExecNews =
  | { kind: "started"; id: string; pid: number }
  | { kind: "failed"; id: string; error: EngineError }
  | { kind: "exited"; id: string; exitCode: number };

export interface WatchedMonitor {
  control: MonitorControl;
  /** False while the container stands at its gate. */
  running: boolean;
}

/** The control connection to one monitor: commands in order, and the news of the exit. */
export class MonitorControl {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #waiting: Reply[] = [];
  /** Told before anybody listened. */
  readonly #news: ExecNews[] = [];
  readonly #adopted = new Map<number, AdoptionEvents>();
  #listener: ((news: ExecNews) => void) | undefined;
  /** EXEC and ADOPT are understood in the form they have here. */
  #takes = { exec: true, adopt: true };
  /** Nothing is answered any more: the container has ended, or the monitor. */
  #isOver: EngineError | undefined;
  readonly #exit = Promise.withResolvers<ExitRecord | undefined>();
  /** The exit record; undefined if the connection ended without one (the monitor was killed). */
  readonly exited: Promise<ExitRecord | undefined> = this.#exit.promise;

  /** Told when the kernel has killed a process of the container for lack of memory. */
  onOom: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#lost());
  }

  /** Connects to a monitor that was just launched; `start` says the rest. */
  static async open(path: string): Promise<MonitorControl> {
    return new MonitorControl(await open(path));
  }

  /** Connects and watches. Throws `unavailable` if no monitor listens there. */
  static async connect(path: string, ours: MonitorForms): Promise<WatchedMonitor> {
    const control = new MonitorControl(await open(path));
    const state = await control.#command(kind.watch, nothing);
    const [running, exec = ours.untold, adopt = ours.untold] = state;
    control.#takes = { exec: exec === ours.exec, adopt: adopt === ours.adopt };
    return { control, running: running === 1 };
  }

  /** Watches and opens the gate; rejects with what kept the program from running. */
  async start(): Promise<void> {
    await Promise.all([this.#command(kind.watch, nothing), this.#command(kind.start, nothing)]);
  }

  /** To the container's first process, or to an exec. */
  async signal(signal: number, execId = ""): Promise<void> {
    await this.#ask(kind.signal, withId(Uint8Array.of(signal), execId));
  }

  async resize(rows: number, columns: number, execId = ""): Promise<void> {
    const payload = new Uint8Array(4);
    const view = new DataView(payload.buffer);
    view.setUint16(0, rows);
    view.setUint16(2, columns);
    await this.#ask(kind.resize, withId(payload, execId));
  }

  /** Has the monitor be the container's resolver, if it is not that already. */
  async resolve(): Promise<void> {
    await this.#ask(kind.resolve, nothing);
  }

  /** Asks for a further process; how it fares is told to `onExec`'s listener. */
  async exec(request: Uint8Array): Promise<void> {
    if (!this.#takes.exec) throw otherVersion();
    await this.#ask(kind.exec, request);
  }

  /**
   * Gives a client's connection to the monitor, which serves it from then on, also when this daemon is gone.
   * False where that cannot be: it is no Unix socket, or has been read from, or something still has to be
   * written, or the monitor takes clients in another form. Nothing has happened then.
   */
  adopt(
    native: Pick<Native, "adopt">,
    client: Duplex,
    adoption: Omit<Adoption, "token">,
    events: AdoptionEvents,
  ): boolean {
    if (!(client instanceof Socket) || this.#isOver || !this.#takes.adopt) return false;
    const [ours, theirs] = [descriptorOf(this.#socket), descriptorOf(client)];
    const waits = client.readableLength + client.writableLength + this.#socket.writableLength > 0;
    if (ours === undefined || theirs === undefined || waits) return false;
    const token = randomInt(2 ** 32);
    if (!native.adopt(ours, theirs, { ...adoption, token })) return false;
    stopReading(client);
    this.#adopted.set(token, events);
    this.#waiting.push({ resolve: () => {}, reject: () => {} });
    return true;
  }

  /** Calls `listener` with what has been told so far, and with whatever comes. */
  onExec(listener: (news: ExecNews) => void): void {
    this.#listener = listener;
    for (const news of this.#news.splice(0)) listener(news);
  }

  /** Lets go of the monitor; it lives on, unless it still stands at the gate. */
  close(): void {
    this.#socket.destroy();
  }

  /** Of a container that runs: should its monitor go meanwhile, then it runs no more. */
  async #ask(command: number, payload: Uint8Array): Promise<void> {
    await this.#command(command, payload).catch((cause: unknown) => {
      throw cause instanceof EngineError && cause.code === "unavailable" ? ended() : cause;
    });
  }

  #command(command: number, payload: Uint8Array): Promise<Uint8Array> {
    if (this.#isOver) return Promise.reject(this.#isOver);
    const reply = Promise.withResolvers<Uint8Array>();
    this.#waiting.push(reply);
    this.#socket.write(buildFrame(command, payload));
    return reply.promise;
  }

  #receive(chunk: Uint8Array): void {
    for (const frame of this.#decoder.push(chunk)) {
      if (frame.kind === kind.oom) {
        this.onOom();
        continue;
      }
      if (frame.kind === kind.detached || frame.kind === kind.released) {
        const told = Buffer.from(frame.payload);
        this.#tell(frame.kind, told.readUInt32BE(), told[4] === 1);
        continue;
      }
      if (frame.kind === kind.exited) {
        this.#settle(JSON.parse(new TextDecoder().decode(frame.payload)) as ExitRecord);
        this.#refuseAll(ended());
        continue;
      }
      const news = parseNews(frame.kind, frame.payload);
      if (news !== undefined) {
        if (this.#listener) this.#listener(news);
        else this.#news.push(news);
        continue;
      }
      if (!isAnswer(frame.kind)) continue;
      const reply = this.#waiting.shift();
      if (frame.kind === kind.failed) reply?.reject(parseFailure(frame.payload));
      else reply?.resolve(frame.payload.slice());
    }
  }

  #tell(what: number, token: number, isGone: boolean): void {
    const events = this.#adopted.get(token);
    if (what === kind.detached) events?.detached();
    else if (this.#adopted.delete(token)) events?.released(isGone);
  }

  #lost(): void {
    for (const token of [...this.#adopted.keys()]) this.#tell(kind.released, token, false);
    this.#refuseAll(gone());
    this.#settle(undefined);
  }

  /** Behind whoever waits for an answer that came in front of it: a kill is told before its exit. */
  #settle(record: ExitRecord | undefined): void {
    setImmediate(() => this.#exit.resolve(record));
  }

  /** The first reason stays: a monitor goes once its container has ended. */
  #refuseAll(reason: EngineError): void {
    this.#isOver ??= reason;
    for (const reply of this.#waiting.splice(0)) reply.reject(this.#isOver);
  }
}

/** A connection on which a container's output arrives, as stream frames, and its input is sent. */
export class MonitorAttachment {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The raw connection: reading gives stream frames. */
  get output(): Socket {
    return this.#socket;
  }

  /** To the container's own streams, or to those of an exec, which may be yet to come. */
  static async connect(path: string, flags: AttachFlags, execId = ""): Promise<MonitorAttachment> {
    const socket = await open(path);
    socket.write(buildFrame(kind.attach, withId(Uint8Array.of(toBits(flags)), execId)));
    await readAck(socket);
    return new MonitorAttachment(socket);
  }

  /** False asks to wait for the socket's "drain" event. */
  writeInput(chunk: Uint8Array): boolean {
    return this.#socket.write(buildFrame(kind.stdin, chunk));
  }

  /** Ends the connection once what was written is out. */
  leave(): void {
    this.#socket.end(() => this.#socket.destroy());
  }

  closeInput(): void {
    this.#socket.write(buildFrame(kind.stdinClose, nothing));
  }

  close(): void {
    this.#socket.destroy();
  }
}

export function toBits({ stdin, stdout, stderr }: AttachFlags): number {
  return (stdin ? 1 : 0) | (stdout ? 2 : 0) | (stderr ? 4 : 0);
}

function withId(payload: Uint8Array, id: string): Uint8Array {
  return id === "" ? payload : Buffer.concat([payload, Buffer.from(id)]);
}

function parseNews(frameKind: number, payload: Uint8Array): ExecNews | undefined {
  if (frameKind < kind.execStarted || frameKind > kind.execExited) return undefined;
  const told = JSON.parse(new TextDecoder().decode(payload)) as {
    id: string;
    pid: number;
    exitCode: number;
  };
  const { id } = told;
  if (frameKind === kind.execStarted) return { kind: "started", id, pid: told.pid };
  if (frameKind === kind.execExited) return { kind: "exited", id, exitCode: told.exitCode };
  return { kind: "failed", id, error: parseFailure(payload) };
}

/** Whatever else a newer monitor may tell is none. */
function isAnswer(frameKind: number): boolean {
  return frameKind === kind.ack || frameKind === kind.started || frameKind === kind.failed;
}

function otherVersion(): EngineError {
  const text =
    "the container was started by another version of rt, which takes execs in another form";
  return new EngineError("conflict", `${text}: restart the container`);
}

function ended(): EngineError {
  return new EngineError("conflict", "the container is not running");
}

function gone(): EngineError {
  return new EngineError("unavailable", "the container's monitor is gone");
}

function open(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ path });
  const fail = (cause: Error): void =>
    reject(
      new EngineError("unavailable", `connect to the container's monitor: ${cause.message}`, {
        cause,
      }),
    );
  socket.once("error", fail);
  socket.once("connect", () => {
    socket.off("error", fail);
    resolve(socket);
  });
  return promise;
}

/** Takes exactly the ACK off the stream and leaves what follows it unread. */
async function readAck(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let pending: Uint8Array = nothing;
  const lost = (): void => reject(gone());
  const receive = (chunk: Uint8Array): void => {
    pending = Buffer.concat([pending, chunk]);
    if (pending.length < frameHeaderBytes) return;
    socket.pause();
    socket.off("data", receive);
    socket.off("close", lost);
    const rest = pending.subarray(frameHeaderBytes);
    if (rest.length > 0) socket.unshift(Buffer.from(rest));
    if (pending[0] === kind.ack) resolve();
    else reject(new EngineError("internal", "the container's monitor refused to attach"));
  };
  socket.on("error", () => socket.destroy());
  socket.on("close", lost);
  socket.on("data", receive);
  await promise;
}

function parseFailure(payload: Uint8Array): EngineError {
  const { code, message } = JSON.parse(new TextDecoder().decode(payload)) as {
    code: string;
    message: string;
  };
  const known: ErrorCode = Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : "internal";
  return new EngineError(known, message);
}
