import type { Duplex } from "node:stream";
import { toErrorReply } from "../../api/errors.ts";
import {
  buildFrame,
  containerIdHeader,
  runProtocol,
  type StreamFailure,
  stream,
  warningsHeader,
} from "../../api/frames.ts";
import { EngineError } from "../../errors.ts";
import type { Native } from "../../native-types/native.ts";
import { joinAtStart } from "../containers/attach.ts";
import type { ContainerState } from "../containers/container.ts";
import type { Entry } from "../containers/table.ts";
import type { RequestContext } from "../http/context.ts";
import { multiplexedStream } from "./media-types.ts";

export interface RunParts {
  native: Pick<Native, "adopt">;
  start(entry: Entry): Promise<boolean>;
}

/** The whole of a container on the connection that created it, see {@link runProtocol}. */
export async function run(
  context: RequestContext,
  entry: Entry,
  warnings: string[],
  parts: RunParts,
): Promise<void> {
  const { id, config, hostConfig } = entry.container;
  const client = context.hijack(multiplexedStream, {
    Upgrade: runProtocol,
    [containerIdHeader]: id,
    [warningsHeader]: encodeURIComponent(JSON.stringify(warnings)),
  });
  const ended = endOf(entry, client);
  const started = Promise.withResolvers<void>();
  let last: ContainerState | undefined;
  const settled = started.promise.then(async () => {
    last = await ended;
  });
  settled.catch(() => {});
  const request = {
    client,
    flags: {
      stdin: (config.AttachStdin ?? false) && (config.OpenStdin ?? false),
      stdout: config.AttachStdout ?? false,
      stderr: config.AttachStderr ?? false,
    },
    tty: config.Tty ?? false,
    isRaw: false,
    detach: { keys: new Uint8Array(), told: () => {} },
    execId: "",
    settled,
    lastWords: () => buildEnd(last),
  };
  // Should it not start, the reason is what ends the connection.
  joinAtStart(parts.native, entry, request, () => {});
  try {
    await parts.start(entry);
    started.resolve();
  } catch (error) {
    started.reject(error);
    if (hostConfig.AutoRemove) await ended;
    client.end(buildFailure(error));
  }
}

/** Its next exit, or its removal if that comes by itself; none for a client that is gone. */
function endOf(entry: Entry, client: Duplex): Promise<ContainerState | undefined> {
  const gone = new AbortController();
  client.once("close", () => gone.abort());
  const waiters = entry.container.hostConfig.AutoRemove ? entry.removed : entry.nextExit;
  return waiters.next(gone.signal);
}

function buildEnd(state: ContainerState | undefined): Uint8Array {
  if (state === undefined || state.error !== "") {
    const reason = state?.error ?? "the client is gone";
    return buildFailure(new EngineError("internal", `cannot wait for the container: ${reason}`));
  }
  return buildFrame(stream.exit, Uint8Array.of(state.exitCode));
}

function buildFailure(error: unknown): Uint8Array {
  const failure: StreamFailure = toErrorReply(error);
  return buildFrame(stream.failure, Buffer.from(JSON.stringify(failure)));
}
