import type { Socket } from "node:net";

interface Handle {
  fd?: number;
  pause?(): void;
}

/** The descriptor of a socket that node:net serves; undefined once it is closed. */
export function descriptorOf(socket: Socket): number | undefined {
  const fd = handleOf(socket)?.fd;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}

/** Nothing more is read of the socket; `pause` of the stream alone would first let its buffer fill. */
export function stopReading(socket: Socket): void {
  socket.pause();
  handleOf(socket)?.pause?.();
}

/** The runtime's own object, which node:net hides by a name only. */
function handleOf(socket: Socket): Handle | null | undefined {
  return (socket as Socket & { _handle?: Handle | null })._handle;
}
