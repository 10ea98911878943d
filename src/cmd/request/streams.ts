import { FrameStripper, stream as streams } from "../../api/frames.ts";
import type { Session } from "../../cli/command.ts";
import { toStreamError } from "../../client/failures.ts";
import type { HijackedStream } from "../../client/transport.ts";
import { EngineError } from "../../errors.ts";

export interface OutputOptions {
  tty: boolean;
  session: Session;
}

/** Anything that yields bytes until undefined. */
export type ByteSource = () => Promise<Uint8Array | undefined>;

/**
 * Writes a container's output to ours until it ends; the container waits when ours is slow. Resolves with the
 * exit code where the stream brings it.
 */
export async function copyOutput(
  stream: HijackedStream,
  options: OutputOptions,
): Promise<number | undefined> {
  return await copyFrames(() => stream.connection.read(), options);
}

/** With a terminal the bytes are raw and all are stdout's, else they come in frames. */
export async function copyFrames(
  read: ByteSource,
  { tty, session }: OutputOptions,
): Promise<number | undefined> {
  const frames = new FrameStripper();
  let exit: number | undefined;
  const failure: Uint8Array[] = [];
  for (let chunk = await read(); chunk; chunk = await read()) {
    if (tty) {
      await session.stdout.pipe(chunk);
      continue;
    }
    for (const { kind, payload } of frames.push(chunk)) {
      if (kind === streams.stdout || kind === streams.stdin) await session.stdout.pipe(payload);
      else if (kind === streams.stderr) await session.stderr.pipe(payload);
      else if (kind === streams.exit) exit = payload[0];
      else if (kind === streams.failure) failure.push(payload);
      else if (kind === streams.systemError) {
        const detail = new TextDecoder().decode(payload);
        throw new EngineError("internal", `the daemon broke off the output: ${detail}`);
      } else throw new EngineError("internal", "the daemon's output is not a stream of frames");
    }
  }
  if (failure.length > 0) throw toStreamError(Buffer.concat(failure));
  return exit;
}
