import type { Socket } from "node:net";
import { toErrorReply } from "../../api/errors.ts";
import type { RouteName } from "../../api/routes.ts";
import { apiVersion } from "../../api/version.ts";
import type { Log } from "../../log.ts";
import type { Audit } from "./audit.ts";
import { serveConnection } from "./connection.ts";
import type { Handler } from "./context.ts";
import type { Direct } from "./direct.ts";
import type { Exchange } from "./exchange.ts";
import { type Limits, RequestError } from "./limits.ts";
import type { Peer } from "./peer.ts";
import { Router } from "./router.ts";
import { findTarget, pathOf, type Target } from "./target.ts";
import { Wire } from "./wire.ts";

export interface ApiServerOptions {
  handlers: Record<RouteName, Handler>;
  log: Log;
  audit: Audit;
  /** Extra headers of every reply. */
  headers: Record<string, string>;
  limits: Limits;
  /** Told of each request, once it is answered. */
  answered(): void;
}

/** Connections beyond the limit that are being told so. */
const refusedAtOnce = 64;

/** The Engine API over HTTP/1.1, on connections that others accept. */
export class ApiServer {
  readonly #router = new Router();
  readonly #options: ApiServerOptions;
  readonly #common: Record<string, string>;
  readonly #sockets = new Set<Socket>();
  /** Connections between two requests; the one that has waited longest first. */
  readonly #idle = new Set<Socket>();

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#common = {
      "Api-Version": apiVersion,
      "Docker-Experimental": "false",
      Ostype: "linux",
      ...options.headers,
    };
  }

  /** `direct` only for sockets that carry bytes as they are. */
  accept(socket: Socket, peer: Peer, direct?: Direct): void {
    const { limits, log } = this.#options;
    // More than can be told so are not even read from.
    if (this.#sockets.size >= limits.connections + refusedAtOnce) return void socket.destroy();
    this.#sockets.add(socket);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#idle.delete(socket);
    });
    const full = this.#sockets.size > limits.connections && !this.#endIdle();
    const wire = new Wire(socket, () => peer.isGone(), direct);
    const answer = full
      ? async (exchange: Exchange) => refuseFull(exchange)
      : (exchange: Exchange) => this.#answer(exchange, peer);
    const idle = (isIdle: boolean): void => {
      if (isIdle) this.#idle.add(socket);
      else this.#idle.delete(socket);
    };
    serveConnection(wire, { limits, common: this.#common, answer, idle }).catch((error) => {
      log.error("connection:", error);
      socket.destroy();
    });
  }

  /** Ends every connection. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Makes room for a newcomer. */
  #endIdle(): boolean {
    for (const socket of this.#idle) {
      socket.destroy();
      return true;
    }
    return false;
  }

  async #answer(exchange: Exchange, peer: Peer): Promise<void> {
    const { handlers, audit, answered } = this.#options;
    const { head, reply } = exchange;
    let target: Target | undefined;
    try {
      target = findTarget(this.#router, head);
      await handlers[target.route](exchange.toContext(target));
      if (reply.status === 0 && !exchange.signal.aborted) throw new Error("nothing was answered");
      if (reply.status === 0) reply.abort();
    } catch (error) {
      this.#fail(exchange, error);
    }
    audit.request(peer, head, target?.route, reply.status);
    answered();
  }

  #fail({ head, reply, hijacked, signal }: Exchange, error: unknown): void {
    if (hijacked || reply.status !== 0) {
      // The answer has begun, and can only be broken off.
      if (!signal.aborted) this.#options.log.error(`${head.method} ${pathOf(head.target)}:`, error);
      reply.abort();
      return;
    }
    const refused = error instanceof RequestError;
    const answer = refused ? toRefusal(error) : toErrorReply(error);
    // What a client that gives up makes of the work that was begun for it; it may still read.
    const { status, headers, body } =
      signal.aborted && answer.status >= 500 ? toRefusal(brokenOff) : answer;
    if (answer.status === 500 && !(signal.aborted && isAbort(error)))
      this.#options.log.error(`${head.method} ${pathOf(head.target)}:`, error);
    reply.whole(
      status,
      { "Content-Type": "application/json", ...headers },
      `${JSON.stringify(body)}\n`,
    );
  }
}

const brokenOff = new RequestError(400, "the request was broken off");

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function toRefusal({ status, message }: RequestError) {
  return { status, headers: { "Rt-Error-Code": "invalid_argument" }, body: { message } };
}

function refuseFull({ reply }: Exchange): void {
  const message = "too many connections to the daemon: try again when others have ended";
  reply.whole(
    503,
    { "Content-Type": "application/json", "Retry-After": "1" },
    `${JSON.stringify({ message })}\n`,
  );
}
