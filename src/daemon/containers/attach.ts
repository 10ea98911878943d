import type { Duplex } from "node:stream";
import { DetachScanner } from "../../api/detach-keys.ts";
import { FrameDecoder } from "../../api/frames.ts";
import type { Native } from "../../native-types/native.ts";
import { type AttachFlags, MonitorAttachment, type MonitorControl, toBits } from "./monitor.ts";
import type { Entry } from "./table.ts";

/** The keys by which a client with a terminal asks to be let go, and who is told when it does. */
export interface Detach {
  keys: Uint8Array;
  told(): void;
}

/** A client that is to be joined to the streams of a container, or of an exec in it. */
export interface AttachRequest {
  client: Duplex;
  flags: AttachFlags;
  tty: boolean;
  /** Output goes without headers. */
  isRaw: boolean;
  detach: Detach;
  /** "" for the container itself. */
  execId: string;
  /**
   * The client's connection ends when its streams have and this is settled: then what it asks for next, such
   * as an exit code, is known. If it is rejected the end is left to others.
   */
  settled: Promise<unknown>;
  /** What it gets behind everything else. */
  lastWords?(): Uint8Array;
}

/** Where a container's monitor is reached. */
export interface MonitorPlace {
  control: MonitorControl;
  socket: string;
}

/** A client that attached before the container started. */
export interface PendingAttach {
  join(monitor: MonitorPlace): Promise<void>;
  /** The container will not start now. */
  cancel(): void;
}

/** Joins a client as soon as the container starts. One that is gone by then is not waited upon. */
export function joinAtStart(
  native: Pick<Native, "adopt">,
  entry: Entry,
  request: AttachRequest,
  cancel: () => void,
): void {
  const pending: PendingAttach = { join: (monitor) => join(native, monitor, request), cancel };
  entry.pending.push(pending);
  request.client.once("close", () => {
    entry.pending = entry.pending.filter((each) => each !== pending);
  });
}

export async function join(
  native: Pick<Native, "adopt">,
  { control, socket }: MonitorPlace,
  request: AttachRequest,
): Promise<void> {
  if (handOver(native, control, request)) return;
  relay(request, await MonitorAttachment.connect(socket, request.flags, request.execId));
}

/**
 * Gives the client's connection to the monitor: what it gets passes this process no more, and goes on without
 * it. Only its end is made here. False where that cannot be.
 */
export function handOver(
  native: Pick<Native, "adopt">,
  control: MonitorControl,
  request: AttachRequest,
): boolean {
  const { client, flags, tty, isRaw, detach, execId, lastWords } = request;
  const detachKeys = tty && flags.stdin ? [...detach.keys] : [];
  const isToldExit = lastWords !== undefined;
  const adoption = { flags: toBits(flags), isRaw, detachKeys, exec: execId, isToldExit };
  return control.adopt(native, client, adoption, {
    detached: () => {
      detach.told();
      client.end();
    },
    released: (isGone) => {
      // Of its going this process hears nothing itself, since it does not read.
      if (isGone) client.destroy();
      else endWhenSettled(request);
    },
  });
}

function endWhenSettled({ client, settled, lastWords }: AttachRequest): void {
  settled.then(
    () => {
      if (client.writable) client.end(lastWords?.());
    },
    () => {},
  );
}

/**
 * Joins a client's connection to the monitor's: output frames go out as they are, or without their
 * headers for a terminal; input goes in as frames, its end as a half-close. Back-pressure holds both ways.
 * As Docker, what is typed is looked through for the detach keys here too, for clients that leave it to the
 * engine.
 */
export function relay(request: AttachRequest, attachment: MonitorAttachment): void {
  const { client, flags, tty, detach } = request;
  const { output } = attachment;
  const end = (): void => endWhenSettled(request);
  if (client.destroyed) {
    attachment.close();
    return;
  }
  if (flags.stdin) relayInput(client, attachment, tty ? detach : undefined);
  // Without a reader a connection never reports that its other side is gone.
  client.resume();
  client.on("close", () => attachment.close());
  client.on("error", () => attachment.close());
  output.on("close", end);
  if (output.closed) end();
  if (request.isRaw) relayRaw(client, attachment, end);
  else output.pipe(client, { end: false });
}

function relayInput(
  client: Duplex,
  attachment: MonitorAttachment,
  detach: Detach | undefined,
): void {
  const scanner = detach && new DetachScanner(detach.keys);
  client.on("data", (chunk: Uint8Array) => {
    const { send, detached } = scanner?.push(chunk) ?? { send: chunk, detached: false };
    const taken = send.length === 0 || attachment.writeInput(send);
    if (detached) {
      detach?.told();
      client.end();
      // What was typed before still goes out.
      attachment.leave();
    } else if (!taken) {
      client.pause();
      attachment.output.once("drain", () => client.resume());
    }
  });
  client.on("end", () => attachment.closeInput());
}

function relayRaw(client: Duplex, { output }: MonitorAttachment, end: () => void): void {
  const decoder = new FrameDecoder();
  output.on("data", (chunk: Uint8Array) => {
    const drained = decoder.push(chunk).map(({ payload }) => client.write(payload));
    if (drained.every(Boolean)) return;
    output.pause();
    client.once("drain", () => output.resume());
  });
  output.on("end", end);
  // It was paused to take the acknowledgement off, and a listener alone does not wake it.
  output.resume();
}
