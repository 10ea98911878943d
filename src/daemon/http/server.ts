import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Duplex } from "node:stream";
import { toErrorReply } from "../../api/errors.ts";
import type { RouteName } from "../../api/routes.ts";
import { apiVersion, compareVersions, minApiVersion, splitVersion } from "../../api/version.ts";
import { EngineError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { createResponseContext, type Handler, type RequestContext } from "./context.ts";
import { Query } from "./request.ts";
import { Router } from "./router.ts";

export interface ApiServerOptions {
  handlers: Record<RouteName, Handler>;
  log: Log;
  /** Extra headers of every reply. */
  headers: Record<string, string>;
}

/** The Engine API on node:http: finds the handler, answers what it throws. Not yet listening. */
export function createApiServer(options: ApiServerOptions): Server {
  const router = new Router();
  const headers = {
    "Api-Version": apiVersion,
    "Docker-Experimental": "false",
    Ostype: "linux",
    ...options.headers,
  };

  async function answer(
    request: IncomingMessage,
    signal: AbortSignal,
    reply: Reply,
  ): Promise<void> {
    try {
      const parsed = parseTarget(router, request);
      await options.handlers[parsed.route](reply.context({ ...parsed, request, signal }));
    } catch (error) {
      if (signal.aborted) return;
      const { status, headers: more, body } = toErrorReply(error);
      if (status === 500) options.log.error(`${request.method} ${request.url}:`, error);
      reply.fail(status, more, body);
    }
  }

  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    void answer(request, gone.signal, responseReply(response));
  });
  server.requestTimeout = 0;
  server.timeout = 0;
  server.on("upgrade", (request, socket, head) => {
    const gone = new AbortController();
    socket.on("error", () => gone.abort());
    socket.on("close", () => gone.abort());
    if (head.length > 0) socket.unshift(head);
    void answer(request, gone.signal, upgradeReply(socket, headers));
  });
  server.on("clientError", (_error, socket) => {
    if (!socket.writable) return;
    socket.end(rawReply(400, headers, { message: "malformed HTTP request" }));
  });
  return server;
}

interface Target {
  route: RouteName;
  params: Record<string, string>;
  query: Query;
  version: string;
}

function parseTarget(router: Router, request: IncomingMessage): Target {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const { version = apiVersion, path } = splitVersion(mark < 0 ? url : url.slice(0, mark));
  checkVersion(version);
  const match = router.find(request.method ?? "GET", path);
  if (match === undefined) throw new EngineError("not_found", "page not found");
  if (match === "method") {
    throw new EngineError("not_found", `no operation ${request.method} on this path`);
  }
  return { ...match, query: new Query(mark < 0 ? "" : url.slice(mark + 1)), version };
}

function checkVersion(version: string): void {
  if (compareVersions(version, minApiVersion) < 0) {
    throw new EngineError(
      "invalid_argument",
      `client version ${version} is too old. Minimum supported API version is ${minApiVersion}, please upgrade your client to a newer version`,
    );
  }
  if (compareVersions(version, apiVersion) > 0) {
    throw new EngineError(
      "invalid_argument",
      `client version ${version} is too new. Maximum supported API version is ${apiVersion}`,
    );
  }
}

/** The two ways a request can be answered: as a response, or on a bare connection. */
interface Reply {
  context(parts: Target & { request: IncomingMessage; signal: AbortSignal }): RequestContext;
  fail(status: number, headers: Record<string, string>, body: { message: string }): void;
}

function responseReply(response: ServerResponse): Reply {
  return {
    context: (parts) => createResponseContext(parts, response),
    fail(status, headers, body) {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      response.writeHead(status, { "Content-Type": "application/json", ...headers });
      response.end(status === 304 ? undefined : `${JSON.stringify(body)}\n`);
    },
  };
}

function upgradeReply(socket: Duplex, headers: Record<string, string>): Reply {
  let taken = false;
  const refuse = (): never => {
    throw new EngineError("invalid_argument", "this operation does not upgrade the connection");
  };
  return {
    context: ({ request, params, query, version, signal }) => ({
      params,
      query,
      version,
      headers: request.headers,
      signal,
      body: () => Promise.resolve({}),
      input: refuse,
      json: refuse,
      empty: refuse,
      text: refuse,
      stream: refuse,
      hijack(contentType) {
        taken = true;
        const lines = Object.entries({
          ...headers,
          "Content-Type": contentType,
          Connection: "Upgrade",
          Upgrade: "tcp",
        }).map(([name, value]) => `${name}: ${value}\r\n`);
        socket.write(`HTTP/1.1 101 UPGRADED\r\n${lines.join("")}\r\n`);
        return socket;
      },
    }),
    fail(status, more, body) {
      if (taken) socket.destroy();
      else socket.end(rawReply(status, { ...headers, ...more }, body));
    },
  };
}

function rawReply(
  status: number,
  headers: Record<string, string>,
  body: { message: string },
): string {
  const text = `${JSON.stringify(body)}\n`;
  const lines = Object.entries({
    ...headers,
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(text)),
    Connection: "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${text}`;
}
