import { execIdHeader, execProtocol } from "../api/frames.ts";
import { routes } from "../api/routes.ts";
import type { HijackedStream, Transport } from "./transport.ts";

/** POST /containers/{id}/exec. */
export interface ExecRequest {
  Cmd: string[];
  Env: string[];
  User: string;
  WorkingDir: string;
  Tty: boolean;
  Privileged: boolean;
  AttachStdin: boolean;
  AttachStdout: boolean;
  AttachStderr: boolean;
  DetachKeys?: string;
  ConsoleSize?: [number, number];
}

export interface RunningExec {
  id: string;
  stream: HijackedStream;
  /** Its output comes in frames, behind it the exit code where the engine is ours. */
  isFramed: boolean;
}

/** The routes of execs. */
export class Execs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Its id. */
  async create(container: string, request: ExecRequest): Promise<string> {
    const options = { path: { id: container }, json: request };
    const reply = await this.#transport.request(routes.execCreate, options);
    const { Id } = JSON.parse(await reply.body.text()) as { Id: string };
    return Id;
  }

  /** Creates and starts one, in one step where the engine can. */
  async run(container: string, request: ExecRequest): Promise<RunningExec> {
    const options = { path: { id: container }, json: request };
    const offered = await this.#transport.offer(routes.execCreate, options, execProtocol);
    if ("connection" in offered) {
      const stream = { connection: offered.connection, multiplexed: true };
      return { id: offered.headers[execIdHeader] ?? "", stream, isFramed: true };
    }
    const { Id } = JSON.parse(await offered.body.text()) as { Id: string };
    return { id: Id, stream: await this.start(Id, request.Tty), isFramed: !request.Tty };
  }

  async startDetached(id: string): Promise<void> {
    const options = { path: { id }, json: { Detach: true } };
    const reply = await this.#transport.request(routes.execStart, options);
    await reply.body.bytes();
  }

  start(id: string, tty: boolean): Promise<HijackedStream> {
    const json = { Detach: false, Tty: tty };
    return this.#transport.hijack(routes.execStart, { path: { id }, json });
  }

  async resize(id: string, rows: number, columns: number): Promise<void> {
    const options = { path: { id }, query: { h: rows, w: columns } };
    const reply = await this.#transport.request(routes.execResize, options);
    await reply.body.bytes();
  }

  /** null while it runs. */
  async exitCode(id: string): Promise<number | null> {
    const reply = await this.#transport.request(routes.execInspect, { path: { id } });
    const { ExitCode } = JSON.parse(await reply.body.text()) as { ExitCode: number | null };
    return ExitCode;
  }
}
