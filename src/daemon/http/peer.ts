import { dlopen, ptr } from "bun:ffi";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { descriptorOf } from "../descriptor.ts";

/** Who is at the other end of a connection. */
export interface Peer {
  /** For the log: `uid=0(root) pid=4711`, or `cn="alice" from 10.0.0.7`. */
  readonly name: string;
  /** It is gone for good, not only done with writing. Always false where that cannot be told. */
  isGone(): boolean;
}

const libc = () =>
  dlopen("libc.so.6", {
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  }).symbols;

const [solSocket, soPeerCred] = [1, 17];
const pollHup = 0x10;

/** Tells who connects to a Unix socket: SO_PEERCRED in unix(7), as the kernel saw it at connect. */
export class PeerReader {
  readonly #libc = libc();
  readonly #names: ReadonlyMap<number, string>;

  /** `names` are those of users by id. */
  constructor(names: ReadonlyMap<number, string>) {
    this.#names = names;
  }

  read(socket: Socket): Peer {
    const credentials = new Uint32Array(3);
    const length = new Uint32Array([credentials.byteLength]);
    const fd = descriptorOf(socket);
    const known =
      fd !== undefined &&
      this.#libc.getsockopt(fd, solSocket, soPeerCred, ptr(credentials), ptr(length)) === 0;
    const [pid = 0, uid = 0] = credentials;
    const user = this.#names.get(uid);
    const name = known ? `uid=${uid}${user === undefined ? "" : `(${user})`} pid=${pid}` : "uid=?";
    return { name, isGone: () => this.#hungUp(socket) };
  }

  /** POLLHUP comes when both directions have ended: of a Unix socket, when the other side is closed. */
  #hungUp(socket: Socket): boolean {
    const fd = descriptorOf(socket);
    if (fd === undefined) return true;
    const query = new Int16Array([fd & 0xffff, fd >> 16, 0, 0]);
    return this.#libc.poll(ptr(query), 1, 0) === 1 && ((query[3] ?? 0) & pollHup) !== 0;
  }
}

/** A client is who its certificate says, which the handshake has verified. */
export function readCertificate(socket: TLSSocket): Peer {
  const { subject } = socket.getPeerCertificate();
  const words = Object.entries(subject ?? {}).map(
    ([key, value]) => `${key}=${JSON.stringify(value)}`,
  );
  const name = `${clean(words.join(" "))} from ${socket.remoteAddress}`;
  return { name, isGone: () => false };
}

/** What a certificate says is foreign text. */
function clean(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
