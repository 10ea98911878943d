import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { createServer, type Server, type TlsOptions } from "node:tls";
import { EngineError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { TlsConfig } from "../listeners.ts";
import { formatAddress, type ListenAddress, type Listening } from "./listen.ts";
import { readCertificate } from "./peer.ts";
import type { ApiServer } from "./server.ts";

/** Strangers that have not shown a certificate yet; they share it with those that have. */
const maxConnections = 1024;
const handshakeMs = 10_000;
/** After so long without a sign the kernel asks whether the client is still there. */
const keepAliveMs = 30_000;

/** Serves on TCP those whose certificate the CA has signed; to others not a byte of HTTP is read. */
export async function listenTcp(
  server: ApiServer,
  address: ListenAddress & { kind: "tcp" },
  files: TlsConfig,
  log: Log,
): Promise<Listening> {
  const where = formatAddress(address);
  const listener = createListener(await readFiles(files), where);
  const raw = new Set<Socket>();
  listener.on("connection", (socket: Socket) => {
    raw.add(socket);
    socket.on("close", () => raw.delete(socket));
    if (raw.size > maxConnections) socket.destroy();
  });
  listener.on("secureConnection", (socket) => {
    // The handshake fails without it; this is the second lock on the same door.
    if (!socket.authorized) return void socket.destroy();
    socket.setKeepAlive(true, keepAliveMs);
    socket.setNoDelay(true);
    server.accept(socket, readCertificate(socket));
  });
  listener.on("tlsClientError", (error, socket) => {
    log.debug(`refused a client on ${where}: ${messageOf(error)}`);
    socket.destroy();
  });
  await bind(listener, address, where);
  return {
    async close() {
      listener.close();
      for (const socket of raw) socket.destroy();
    },
  };
}

async function readFiles(files: TlsConfig): Promise<TlsOptions> {
  const read = async (name: string, path: string): Promise<string> => {
    try {
      return await readFile(path, "utf8");
    } catch (cause) {
      const message = `read the TLS ${name} ${JSON.stringify(path)}: ${messageOf(cause)}`;
      throw new EngineError("invalid_argument", message, { cause });
    }
  };
  return {
    ca: await read("CA certificate", files.ca),
    cert: await read("certificate", files.cert),
    key: await read("key", files.key),
  };
}

function createListener(files: TlsOptions, where: string): Server {
  // node:net's option, which the types of TLS do not name: input may end before output does.
  const halfOpen: object = { allowHalfOpen: true };
  try {
    return createServer({
      ...files,
      ...halfOpen,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.2",
      handshakeTimeout: handshakeMs,
    });
  } catch (cause) {
    const message = `cannot listen on ${where}: certificate and key do not fit: ${messageOf(cause)}`;
    throw new EngineError("invalid_argument", message, { cause });
  }
}

function bind(
  listener: Server,
  { hostname, port }: { hostname: string; port: number },
  where: string,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  listener.once("error", (cause) => {
    const code = (cause as NodeJS.ErrnoException).code === "EADDRINUSE" ? "conflict" : "internal";
    reject(new EngineError(code, `cannot listen on ${where}: ${messageOf(cause)}`, { cause }));
  });
  listener.listen(port, hostname, resolve);
  return promise;
}
