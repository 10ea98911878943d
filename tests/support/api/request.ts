/** One hostile request as bytes, and what may be expected of it. */
export interface HostileRequest {
  /** For people: what was done. */
  label: string;
  method: string;
  path: string;
  bytes: Uint8Array;
  /**
   * "whole": well framed, to be answered on a connection that is used again. "broken": an answer or the end
   * of the connection, once this side has ended its own. "dropped": the connection is cut, nothing is awaited.
   */
  framing: "whole" | "broken" | "dropped";
  /** How many answers a whole one gets. */
  answers: number;
  /** It may rightly wait for something that does not come (a stop, a wait, an attach). */
  mayWait: boolean;
}

export interface Head {
  method: string;
  /** Path and query as they stand in the request line. */
  target: string;
  headers?: [string, string][];
  body?: Uint8Array | undefined;
}

/** Text that may hold anything: characters above U+00FF in UTF-8, lone surrogates replaced. */
export function encode(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}

/** A well framed request. */
export function buildRequest({ method, target, headers = [], body }: Head): Uint8Array {
  const lines = [["Host", "rt"], ...headers];
  if (body !== undefined) {
    if (!headers.some(([name]) => name === "Content-Type"))
      lines.push(["Content-Type", "application/json"]);
    lines.push(["Content-Length", `${body.length}`]);
  } else if (method === "POST" || method === "PUT") {
    lines.push(["Content-Length", "0"]);
  }
  const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = encode(`${method} ${target} HTTP/1.1\r\n${text}\r\n`);
  return body === undefined ? head : Buffer.concat([head, body]);
}

/** Operations that may take as long as they like. */
export function mayWait(method: string, target: string): boolean {
  return method === "POST" && /\/(stop|restart|wait|attach|start)(\?|$)/.test(target);
}
