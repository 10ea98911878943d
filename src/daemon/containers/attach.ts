import type { Duplex } from "node:stream";
import { DetachScanner } from "../../api/detach-keys.ts";
import { FrameDecoder } from "../../api/frames.ts";
import { type AttachFlags, MonitorAttachment } from "./monitor.ts";

/** A client that attached before the container started. */
export interface PendingAttach {
  flags: AttachFlags;
  connect(attachment: MonitorAttachment): void;
  /** The container will not start now. */
  cancel(): void;
}

/** The keys by which a client with a terminal asks to be let go, and who is told when it does. */
export interface Detach {
  keys: Uint8Array;
  told(): void;
}

/**
 * Joins a client's connection to the monitor's: output frames go out as they are, or without their
 * headers for a terminal; input goes in as frames, its end as a half-close. Back-pressure holds both ways.
 * The client's connection ends when the monitor's has and `settled` is: then what it asks for next, such as
 * an exit code, is known. If that is rejected it is left to others. As Docker, what is typed is looked
 * through for the detach keys here too, for clients that leave it to the engine.
 */
export function relay(
  client: Duplex,
  attachment: MonitorAttachment,
  flags: AttachFlags,
  tty: boolean,
  detach: Detach,
  settled: Promise<unknown> = Promise.resolve(),
): void {
  const { output } = attachment;
  const end = (): void =>
    void settled.then(
      () => client.end(),
      () => {},
    );
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
  if (tty) relayRaw(client, attachment, end);
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

/** Attaches to a running container. */
export async function attachRunning(
  socketPath: string,
  client: Duplex,
  flags: AttachFlags,
  tty: boolean,
  detach: Detach,
): Promise<void> {
  relay(client, await MonitorAttachment.connect(socketPath, flags), flags, tty, detach);
}
