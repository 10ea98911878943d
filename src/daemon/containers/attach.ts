import type { Duplex } from "node:stream";
import { FrameDecoder } from "../../api/frames.ts";
import { type AttachFlags, MonitorAttachment } from "./monitor.ts";

/** A client that attached before the container started. */
export interface PendingAttach {
  flags: AttachFlags;
  connect(attachment: MonitorAttachment): void;
  /** The container will not start now. */
  cancel(): void;
}

/**
 * Joins a client's connection to the monitor's: output frames go out as they are, or without their
 * headers for a terminal; input goes in as frames, its end as a half-close. Back-pressure holds both ways.
 * The client's connection ends when the monitor's has and `settled` is: then what it asks for next, such as
 * an exit code, is known. If that is rejected it is left to others.
 */
export function relay(
  client: Duplex,
  attachment: MonitorAttachment,
  flags: AttachFlags,
  tty: boolean,
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
  if (flags.stdin) {
    client.on("data", (chunk: Uint8Array) => {
      if (attachment.writeInput(chunk)) return;
      client.pause();
      output.once("drain", () => client.resume());
    });
    client.on("end", () => attachment.closeInput());
  }
  // Without a reader a connection never reports that its other side is gone.
  client.resume();
  client.on("close", () => attachment.close());
  client.on("error", () => attachment.close());
  output.on("close", end);
  if (output.closed) end();
  if (tty) relayRaw(client, attachment, end);
  else output.pipe(client, { end: false });
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
): Promise<void> {
  relay(client, await MonitorAttachment.connect(socketPath, flags), flags, tty);
}
