import type { Log } from "../../log.ts";
import type { TlsConfig } from "../listeners.ts";
import type { Direct } from "./direct.ts";
import type { PeerReader } from "./peer.ts";
import type { ApiServer } from "./server.ts";
import { listenUnix } from "./unix.ts";

/** Where a daemon listens. */
export type ListenAddress =
  | { kind: "unix"; path: string }
  | { kind: "tcp"; hostname: string; port: number };

export interface Listening {
  /** Stops listening, ends every connection and removes the sockets. */
  close(): Promise<void>;
}

export interface ListenOptions {
  addresses: ListenAddress[];
  /** Group of the Unix sockets, as `--group` has it; undefined: the first of the usual ones. */
  group: string | undefined;
  peers: PeerReader;
  direct: Direct;
  tls: TlsConfig;
  log: Log;
}

/** Serves on all addresses, or on none. */
export async function listen(server: ApiServer, options: ListenOptions): Promise<Listening> {
  const open: Listening[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(open.map((each) => each.close()));
    server.close();
  };
  try {
    for (const address of options.addresses) {
      if (address.kind === "unix") open.push(await listenUnix(server, address.path, options));
      else {
        const { listenTcp } = await import("./tcp.ts");
        open.push(await listenTcp(server, address, options.tls, options.log));
      }
    }
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
  return { close };
}

export function formatAddress(address: ListenAddress): string {
  if (address.kind === "unix") return `unix://${address.path}`;
  const name = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return `tcp://${name}:${address.port}`;
}
