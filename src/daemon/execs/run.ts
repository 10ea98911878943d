import { once } from "node:events";
import { constants } from "node:os";
import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { FrameDecoder } from "../../api/frames.ts";
import { messageOf } from "../../errors.ts";
import type { Entry } from "../containers/table.ts";
import type { ExecService } from "./service.ts";

export interface RunRequest {
  argv: string[];
  env: string[];
  user: string;
  cwd: string;
  timeoutMs: number;
  /** Bytes of output that are kept. */
  maxOutput: number;
}

export interface RunResult {
  exitCode: number;
  output: string;
  timedOut: boolean;
}

/** Milliseconds that output may still come in behind the exit: a process left behind may hold it open. */
const outputPatience = 500;

/** Runs a command in a container to its end, or until its time is over, when it is killed. */
export async function runInContainer(
  execs: ExecService,
  entry: Entry,
  { maxOutput, timeoutMs, ...request }: RunRequest,
): Promise<RunResult> {
  const exec = execs.get(
    execs.create(entry, {
      ...request,
      tty: false,
      privileged: false,
      attach: { stdin: false, stdout: true, stderr: true },
      detachKeys: "",
      console: { rows: 0, columns: 0 },
    }).id,
  );
  const sink = new OutputSink(maxOutput);
  const finished = once(sink, "finish");
  finished.catch(() => {});
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    execs.signal(exec, constants.signals.SIGKILL).catch(() => {});
  }, timeoutMs);
  try {
    await execs.start(exec, sink);
    await exec.exited.promise;
    // The exit comes by another connection than the output, and may overtake it.
    await Promise.race([finished, sleep(outputPatience)]);
  } catch (error) {
    return { exitCode: exec.record.exitCode ?? -1, output: messageOf(error), timedOut };
  } finally {
    clearTimeout(timer);
  }
  return { exitCode: exec.record.exitCode ?? -1, output: sink.text, timedOut };
}

/** Keeps the first bytes of both streams, in the order they come. */
class OutputSink extends Duplex {
  readonly #decoder = new FrameDecoder();
  readonly #limit: number;
  readonly #kept: Uint8Array[] = [];
  #length = 0;

  constructor(limit: number) {
    super();
    this.#limit = limit;
  }

  get text(): string {
    return Buffer.concat(this.#kept).toString("utf8");
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    for (const { payload } of this.#decoder.push(chunk)) {
      const kept = payload.slice(0, this.#limit - this.#length);
      if (kept.length > 0) this.#kept.push(kept);
      this.#length += kept.length;
    }
    done();
  }
}
