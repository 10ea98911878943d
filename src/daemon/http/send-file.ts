import type { FileHandle } from "node:fs/promises";
import { EngineError } from "../../errors.ts";
import { descriptorOf } from "../descriptor.ts";
import type { Wire } from "./wire.ts";

/** Read and sent at once, where the kernel cannot do it alone. */
const pieceSize = 256 * 1024;
/** Less is not worth a thread. */
const worthwhile = 256 * 1024;

/**
 * Sends `head` and then the first `size` bytes of a file: in the kernel where the socket carries bytes as they
 * are, else piece by piece. Ends early, with the connection, when the client is gone.
 */
export async function sendFile(
  wire: Wire,
  head: Uint8Array,
  { file, size, gone }: { file: FileHandle; size: number; gone: AbortSignal },
): Promise<void> {
  const { direct } = wire;
  if (direct === undefined || size < worthwhile) {
    wire.socket.write(head);
    return await copyFile(wire, file, size, gone);
  }
  await flush(wire, head);
  const socket = descriptorOf(wire.socket);
  if (socket === undefined || gone.aborted) return;
  const sending = direct.sendFile(socket, file.fd, size);
  const cancel = (): void => sending.cancel();
  gone.addEventListener("abort", cancel, { once: true });
  wire.socket.once("close", cancel);
  try {
    // A connection that lost some of its bytes carries no more.
    if (!(await sending.wait())) wire.socket.destroy();
  } catch (error) {
    // The copy of the connection would outlive its end.
    cancel();
    throw error;
  } finally {
    sending.close();
    gone.removeEventListener("abort", cancel);
    wire.socket.off("close", cancel);
  }
}

/** Resolves when the kernel has all that was written before, and this. */
function flush({ socket }: Wire, bytes: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("close", resolve);
  socket.write(bytes, () => {
    socket.off("close", resolve);
    resolve();
  });
  return promise;
}

async function copyFile(
  wire: Wire,
  file: FileHandle,
  size: number,
  gone: AbortSignal,
): Promise<void> {
  let at = 0;
  const read = async (): Promise<Buffer> => {
    const piece = Buffer.allocUnsafe(Math.min(size - at, pieceSize));
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0 && piece.length > 0)
      throw new EngineError("internal", "a blob has become shorter");
    at += bytesRead;
    return piece.subarray(0, bytesRead);
  };
  // The next piece is read while one is sent.
  let next = read();
  while (!gone.aborted) {
    const piece = await next;
    if (piece.length === 0) return;
    next = read();
    next.catch(() => {});
    if (!wire.socket.write(piece)) await wire.drained();
  }
  await next;
}
