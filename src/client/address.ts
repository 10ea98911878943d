import { EngineError } from "../errors.ts";
import type { TlsSettings } from "./tls.ts";

/** Where an engine listens. */
export type Address =
  | { kind: "unix"; path: string }
  | { kind: "tcp"; hostname: string; port: number; tls?: () => Promise<TlsSettings> };

/** Where `rt daemon` listens when nobody says otherwise. */
export const defaultHost = "unix:///run/rt/rt.sock";

/** Docker's: without and with TLS. */
const defaultPorts = { plain: 2375, tls: 2376 };

/** Reads a host as `-H` takes it: unix://PATH, an absolute path, or tcp://HOST[:PORT]. `tls` is for the last. */
export function parseHost(host: string, tls?: () => Promise<TlsSettings>): Address {
  if (host.startsWith("/")) return { kind: "unix", path: host };
  if (host.startsWith("unix://")) {
    const path = host.slice("unix://".length);
    if (path === "") throw badHost(host, "the path is empty");
    return { kind: "unix", path: path.startsWith("/") ? path : `/${path}` };
  }
  if (host.startsWith("tcp://") || host.startsWith("http://")) return parseTcp(host, tls);
  throw badHost(host, "only unix:// and tcp:// addresses are supported");
}

export function formatAddress(address: Address): string {
  if (address.kind === "unix") return `unix://${address.path}`;
  const name = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return `tcp://${name}:${address.port}`;
}

function parseTcp(host: string, tls: (() => Promise<TlsSettings>) | undefined): Address {
  const rest = host.slice(host.indexOf("://") + 3).replace(/\/$/, "");
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:/\s]*)(?::(\d{1,5}))?$/.exec(rest);
  if (!match) throw badHost(host, "expected tcp://HOST:PORT");
  const port = Number(match[2] ?? (tls === undefined ? defaultPorts.plain : defaultPorts.tls));
  if (port < 1 || port > 65535) throw badHost(host, `port ${port} is out of range`);
  const hostname = (match[1] || "127.0.0.1").replace(/^\[|\]$/g, "");
  return tls === undefined ? { kind: "tcp", hostname, port } : { kind: "tcp", hostname, port, tls };
}

function badHost(host: string, detail: string): EngineError {
  return new EngineError("invalid_argument", `invalid host "${host}": ${detail}`, {
    hint: "give the daemon's address as unix:///run/rt/rt.sock or tcp://HOST:PORT",
  });
}
