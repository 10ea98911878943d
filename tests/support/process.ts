/** Child processes of tests: their output as text, awaited by what they print. */
import { constants } from "node:os";
import type { Subprocess, Terminal } from "bun";
import { until } from "./until.ts";

export interface Finished {
  /** The status, or 128 + signal. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface SpawnOptions {
  /** Written at once, then closed; "open" keeps the pipe for write() and closeInput(). */
  stdin?: string | "open";
  env?: Record<string, string>;
  cwd?: string;
  /** Run on a terminal of its own; all output is in `stdout` then. */
  terminal?: { cols: number; rows: number };
  /** Kill and throw beyond it. */
  timeoutMs?: number;
}

const decoder = () => new TextDecoder("utf-8", { fatal: false });

export class Running {
  readonly command: readonly string[];
  stdout = "";
  stderr = "";
  readonly #process: Subprocess;
  readonly #terminal: Terminal | undefined;
  readonly #input: { write(text: string): unknown; end(): unknown } | undefined;
  readonly #drained: Promise<unknown>;
  readonly #timeoutMs: number;

  constructor(command: readonly string[], options: SpawnOptions = {}) {
    this.command = command;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    const common = {
      env: options.env ?? { PATH: process.env.PATH ?? "" },
      cwd: options.cwd ?? "/",
    };
    if (options.terminal !== undefined) {
      const text = decoder();
      const child = Bun.spawn([...command], {
        ...common,
        terminal: {
          ...options.terminal,
          data: (_, data) => {
            this.stdout += text.decode(data, { stream: true });
          },
        },
      });
      this.#process = child;
      this.#terminal = child.terminal;
      this.#drained = child.exited;
      return;
    }
    const child = Bun.spawn([...command], {
      ...common,
      stdin: options.stdin === undefined ? "ignore" : "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#process = child;
    this.#input = child.stdin;
    this.#drained = Promise.all([
      this.#collect(child.stdout, "stdout"),
      this.#collect(child.stderr, "stderr"),
      child.exited,
    ]);
    if (options.stdin !== undefined && options.stdin !== "open") {
      this.write(options.stdin);
      this.closeInput();
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  get ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  write(text: string): void {
    if (this.#terminal !== undefined) this.#terminal.write(text);
    else this.#input?.write(text);
  }

  closeInput(): void {
    this.#input?.end();
  }

  resize(cols: number, rows: number): void {
    this.#terminal?.resize(cols, rows);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Waits until the output so far fits; fails if the process ends without. */
  async prints(pattern: RegExp | string, where: "stdout" | "stderr" = "stdout"): Promise<string> {
    const fits = () =>
      typeof pattern === "string" ? this[where].includes(pattern) : pattern.test(this[where]);
    await until(`${this.command.join(" ")} to print ${pattern}; ${this.#said()}`, () => {
      if (fits()) return true;
      if (this.ended) throw new Error(`ended before it printed ${pattern}; ${this.#said()}`);
      return false;
    });
    return this[where];
  }

  /** Waits for the end and for the end of the output. */
  async finished(): Promise<Finished> {
    const timer = Promise.withResolvers<"late">();
    const handle = setTimeout(() => timer.resolve("late"), this.#timeoutMs);
    const first = await Promise.race([this.#drained, timer.promise]);
    clearTimeout(handle);
    if (first === "late") {
      this.kill("SIGKILL");
      throw new Error(
        `still running after ${this.#timeoutMs} ms: ${this.command.join(" ")}; ${this.#said()}`,
      );
    }
    const signal = this.#process.signalCode;
    const number = typeof signal === "string" ? constants.signals[signal] : signal;
    const code = this.#process.exitCode ?? 128 + (number ?? 0);
    return { code, stdout: this.stdout, stderr: this.stderr };
  }

  async #collect(stream: ReadableStream<Uint8Array>, where: "stdout" | "stderr"): Promise<void> {
    const text = decoder();
    for await (const chunk of stream) this[where] += text.decode(chunk, { stream: true });
  }

  #said(): string {
    return `stdout ${JSON.stringify(this.stdout.slice(-2000))}, stderr ${JSON.stringify(this.stderr.slice(-2000))}`;
  }
}

/** Runs a command to its end. */
export async function run(
  command: readonly string[],
  options: SpawnOptions = {},
): Promise<Finished> {
  return await new Running(command, options).finished();
}

/** Runs a command that must succeed; its stdout. */
export async function output(
  command: readonly string[],
  options: SpawnOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}: ${stderr || stdout}`);
  return stdout;
}
