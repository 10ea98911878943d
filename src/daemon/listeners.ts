import { EngineError } from "../errors.ts";
import type { ListenAddress } from "./http/listen.ts";
import { formatAddress } from "./http/listen.ts";

/** TLS as flags or the settings file have it. */
export interface TlsFlags {
  tls?: boolean;
  tlsverify?: boolean;
  tlscacert?: string;
  tlscert?: string;
  tlskey?: string;
}

/** Files of the certificates for TCP. */
export interface TlsConfig {
  ca: string;
  cert: string;
  key: string;
}

/** dockerd's port for TLS. */
const defaultPort = 2376;

/** Reads `-H` of the daemon: unix:///PATH or tcp://[HOST][:PORT]. */
export function parseListenAddress(host: string): ListenAddress {
  const path = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (path !== undefined) return { kind: "unix", path };
  const tcp = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[^:/\s[\]]*)(?::(\d{1,5}))?\/?$/.exec(host);
  const port = Number(tcp?.[2] ?? defaultPort);
  if (tcp === null || port < 1 || port > 65535) {
    throw new EngineError(
      "invalid_argument",
      `cannot listen on ${JSON.stringify(host)}: give unix:///PATH or tcp://HOST:PORT`,
    );
  }
  return { kind: "tcp", hostname: (tcp[1] || "127.0.0.1").replace(/^\[|\]$/g, ""), port };
}

/** Where the certificates are; refuses TCP to clients that do not show one, on whatever address. */
export function readTlsConfig(
  flags: TlsFlags,
  certPath: string,
  addresses: ListenAddress[],
): TlsConfig {
  const open = addresses.find(({ kind }) => kind === "tcp");
  if (open !== undefined && flags.tlsverify !== true) {
    throw new EngineError(
      "invalid_argument",
      `refusing to listen on ${formatAddress(open)} without --tlsverify: whoever reached it would be root here`,
      { hint: "give --tlsverify with --tlscacert, --tlscert and --tlskey, or a unix:// socket" },
    );
  }
  const usual = (name: string) => `${certPath}/${name}`;
  return {
    ca: flags.tlscacert ?? usual("ca.pem"),
    cert: flags.tlscert ?? usual("cert.pem"),
    key: flags.tlskey ?? usual("key.pem"),
  };
}
