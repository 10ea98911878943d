/** A program put on a host or into a container's network that calls, serves, looks up, and tells (`envoy/`). */
import { run } from "./process.ts";
import { until } from "./until.ts";
import type { World } from "./world.ts";

export const envoyPath = `${import.meta.dir}/../../dist/native/envoy`;

export type Protocol = "tcp" | "udp" | "sctp";

export interface Called {
  /** What the server calls itself. */
  server: string;
  /** The address that it sees. */
  seen: string;
}

export interface Call {
  protocol?: Protocol;
  address: string;
  port: number;
  /** Milliseconds until silence is an answer. */
  timeout?: number;
  from?: string;
  /** Number of the interface that a link-local address is on. */
  scope?: number;
}

export interface StreamFate {
  exchanges: number;
  /** Microseconds, of one exchange since the last question. */
  longest: number;
  error: string | null;
}

export interface LookupReply {
  /** 0 no error, 2 server failure, 3 no such name, 5 refused. */
  code: number;
  truncated: boolean;
  answers: string[];
}

interface Lookup {
  names: string[];
  server?: string;
  kind?: "A" | "PTR" | "AAAA";
  count?: number;
  tcp?: boolean;
  timeout?: number;
}

const kinds = { A: 1, PTR: 12, AAAA: 28 };

type Reply = Record<string, unknown> & { id: number; error?: string };

/** A question that failed; `message` is the error's name. */
export class NoAnswer extends Error {}

export class Envoy implements Disposable {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #waiting = new Map<number, PromiseWithResolvers<Reply>>();
  #last = 0;
  #ended = false;

  private constructor(world: World, command: readonly string[]) {
    this.#process = Bun.spawn(world.namespace.enter(command), {
      cwd: "/",
      env: world.env,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    void this.#read();
  }

  /** In the network of a process of the world, or in the world's own. */
  static in(world: World, pid?: number): Envoy {
    const there = pid === undefined ? [] : ["nsenter", "--target", `${pid}`, "--net"];
    return new Envoy(world, [...there, envoyPath]);
  }

  /** In a network of its own, without a wire yet; and a process by which that can be named in the world. */
  static async apart(world: World): Promise<{ envoy: Envoy; pid: number }> {
    const envoy = new Envoy(world, ["unshare", "--net", envoyPath]);
    // The process that entered the world forks what runs inside.
    const outer = envoy.#process.pid;
    const [own] = [await run(["readlink", `/proc/${world.namespace.pid}/ns/net`])];
    const pid = await until("the network of a host", async () => {
      const children = await Bun.file(`/proc/${outer}/task/${outer}/children`).text();
      const child = children.trim().split(" ")[0];
      if (child === undefined || child === "") return undefined;
      const there = await run(["readlink", `/proc/${child}/ns/net`]);
      if (there.code !== 0 || there.stdout === own?.stdout) return undefined;
      const status = await Bun.file(`/proc/${child}/status`).text();
      return /^NSpid:.*\s(\d+)$/m.exec(status)?.[1];
    });
    return { envoy, pid: Number(pid) };
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#process.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const reply = JSON.parse(line) as Reply;
        this.#waiting.get(reply.id)?.resolve(reply);
        this.#waiting.delete(reply.id);
      }
    }
    this.#ended = true;
    for (const each of this.#waiting.values()) each.reject(new Error("the envoy ended"));
  }

  async #ask<T>(ask: string, words: object = {}): Promise<T> {
    if (this.#ended) throw new Error("the envoy has ended");
    this.#last += 1;
    const id = this.#last;
    const waiting = Promise.withResolvers<Reply>();
    this.#waiting.set(id, waiting);
    this.#process.stdin.write(`${JSON.stringify({ id, ask, ...words })}\n`);
    this.#process.stdin.flush();
    const reply = await waiting.promise;
    if (reply.error !== undefined) throw new NoAnswer(reply.error);
    return reply as T;
  }

  /** Serves for as long as the envoy is there; the port. */
  async serve(
    name: string,
    { address = "0.0.0.0", port = 0, protocol = "tcp" }: Partial<Call> = {},
  ): Promise<number> {
    const { port: taken } = await this.#ask<{ port: number }>("serve", {
      ...{ name, address, port, protocol },
    });
    return taken;
  }

  async call({ protocol = "tcp", timeout = 5000, ...call }: Call): Promise<Called> {
    return await this.#ask<Called>("call", { protocol, timeout, ...call });
  }

  /** Opens a connection to a server and keeps it busy. */
  async stream({ protocol = "tcp", timeout = 5000, ...call }: Call): Promise<void> {
    await this.#ask("stream", { protocol, timeout, ...call });
  }

  async streams(): Promise<StreamFate[]> {
    return (await this.#ask<{ streams: StreamFate[] }>("streams")).streams;
  }

  /** Ends the connections. */
  async hush(): Promise<void> {
    await this.#ask("hush");
  }

  async lookup({
    names,
    server = "127.0.0.11",
    kind = "A",
    count = names.length,
    tcp = false,
    timeout = 5000,
  }: Lookup): Promise<{ times: number[]; replies: LookupReply[] }> {
    const words = { names, server, kind: kinds[kind], count, tcp, timeout };
    return await this.#ask<{ times: number[]; replies: LookupReply[] }>("lookup", words);
  }

  /** Puts frames, in hex, on the interface of this number. */
  async send(frames: string[], face: number): Promise<void> {
    await this.#ask("send", { interface: face, frames });
  }

  /** Frames that the interface sees within `time` ms, up to `enough`. */
  async listen(face: number, time: number, containing = "", enough = 1000): Promise<string[]> {
    const words = { interface: face, time, containing, enough };
    return (await this.#ask<{ frames: string[] }>("listen", words)).frames;
  }

  end(): void {
    this.#process.stdin.end();
    // It ends with its input; entering waits for it.
    this.#process.kill("SIGKILL");
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
