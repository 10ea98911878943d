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
