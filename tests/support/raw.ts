/** HTTP as bytes, for what no client would send. */
import { connect } from "node:net";

export interface RawReply {
  /** Of the first answer; 0 if there was none. */
  status: number;
  headers: Record<string, string>;
  body: string;
  /** Everything that came back, as latin-1. */
  text: string;
  closed: boolean;
  ms: number;
}

/** What is sent in turn: bytes as latin-1 text, pauses in milliseconds, the end of our side. */
export type RawStep = string | Uint8Array | number | "END";

export interface RawOptions {
  /** How long the server may take to close; without it the test fails when it does not. */
  waitMs?: number;
}

/** Sends bytes as they are; what came back when the server closed, or when `waitMs` were over. */
export async function raw(
  path: string,
  steps: RawStep[],
  { waitMs }: RawOptions = {},
): Promise<RawReply> {
  const from = performance.now();
  const closed = Promise.withResolvers<true>();
  let text = "";
  const socket = connect({ path, allowHalfOpen: true });
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("end", () => closed.resolve(true));
  socket.on("close", () => closed.resolve(true));
  for (const step of steps) {
    if (typeof step === "number") await Bun.sleep(step);
    else if (step === "END") socket.end();
    else if (!socket.destroyed)
      socket.write(typeof step === "string" ? Buffer.from(step, "latin1") : step);
  }
  const ended = await Promise.race([closed.promise, Bun.sleep(waitMs ?? 30_000)]);
  socket.destroy();
  if (ended !== true && waitMs === undefined) throw new Error(`never closed; it said: ${text}`);
  return { ...parse(text), text, closed: ended === true, ms: performance.now() - from };
}

/** A whole request with a Host header; `more` are further header lines. */
export function request(line: string, more: string[] = [], body = ""): string {
  return `${[`${line} HTTP/1.1`, "Host: rt", ...more].join("\r\n")}\r\n\r\n${body}`;
}

function parse(text: string): Pick<RawReply, "status" | "headers" | "body"> {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, end < 0 ? text.length : end).split("\r\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? 0),
    headers: Object.fromEntries(headers),
    body: end < 0 ? "" : text.slice(end + 4),
  };
}
