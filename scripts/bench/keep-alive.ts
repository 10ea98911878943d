/** One connection to a daemon's socket, requests one after the other: the engine's own time, no client's. */
import type { Socket } from "bun";

const separator = "\r\n\r\n";

export class KeepAlive {
  #socket: Socket | undefined;
  #received = "";
  #wake: () => void = () => undefined;

  static async open(path: string): Promise<KeepAlive> {
    const self = new KeepAlive();
    self.#socket = await Bun.connect({
      unix: path,
      socket: {
        data: (_, chunk) => {
          self.#received += chunk.toString("latin1");
          self.#wake();
        },
        close: () => self.#wake(),
      },
    });
    return self;
  }

  /** The body of the reply; throws on any status of 300 and above. */
  async request(method: string, path: string, body?: unknown): Promise<string> {
    const json = body === undefined ? "" : JSON.stringify(body);
    const type = json === "" ? "" : "Content-Type: application/json\r\n";
    this.#received = "";
    this.#socket?.write(
      `${method} ${path} HTTP/1.1\r\nHost: engine\r\n${type}Content-Length: ${json.length}${separator}${json}`,
    );
    for (;;) {
      const reply = parseReply(this.#received);
      if (reply !== undefined) {
        if (reply.status >= 300)
          throw new Error(`${method} ${path}: ${reply.status} ${reply.body}`);
        return reply.body;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#socket?.end();
  }
}

/** A whole reply, or undefined while more is to come. */
export function parseReply(text: string): { status: number; body: string } | undefined {
  const end = text.indexOf(separator);
  if (end < 0) return undefined;
  const head = text.slice(0, end).toLowerCase();
  const status = Number(head.slice(9, 12));
  const body = text.slice(end + separator.length);
  if (head.includes("transfer-encoding: chunked")) {
    if (!body.endsWith(`0${separator}`)) return undefined;
    return { status, body: body.replace(/(^|\r\n)[0-9a-f]+\r\n/g, "").trimEnd() };
  }
  const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
  return body.length < length ? undefined : { status, body };
}
