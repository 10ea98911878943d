import type { Native } from "../../native-types/native.ts";
import { descriptorOf } from "../descriptor.ts";
import type { Wire } from "./wire.ts";

/** What is sent past the runtime's stream, to sockets whose bytes the kernel carries as they are. */
export type Direct = Pick<Native, "sendFile" | "sendAlone">;

/**
 * Sends bytes that one read of the client takes alone. Docker's Python client reads the head of an answer
 * through a buffer, then goes on with the socket itself: what the buffer took besides the head it never sees.
 * False if nothing was sent.
 */
export function sendAlone({ direct, socket }: Wire, bytes: Uint8Array): boolean {
  if (direct === undefined) return false;
  // What still waits in the stream comes first.
  const fd = socket.writableLength === 0 ? descriptorOf(socket) : undefined;
  return fd !== undefined && direct.sendAlone(fd, bytes);
}
