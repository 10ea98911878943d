import type { ProgressMessage } from "../../api/types.ts";
import type { Output } from "../../cli/output.ts";
import { type ProgressLine, ProgressView } from "../../cli/progress.ts";
import { terminalSize, watchSize } from "../../cli/terminal.ts";
import { EngineError, type ErrorCode, errorCodes } from "../../errors.ts";

/**
 * Shows how the engine's work on an image goes, or only its words, and nothing without an output. Throws what the stream
 * reports, with its own code.
 */
export async function showProgress(
  messages: AsyncIterable<ProgressMessage>,
  output: Output | undefined,
  onlyWords: boolean,
): Promise<void> {
  if (output === undefined || onlyWords) return await readWords(messages, output);
  const view = new ProgressView(output, terminalSize(output.fd));
  using _watch = watchSize((size) => view.resize(size), output.fd);
  let failed = true;
  try {
    for await (const message of messages) {
      if (message.errorDetail || message.error) throw toError(message);
      if (message.rtLayerSizes !== undefined) view.expect(message.rtLayerSizes);
      else if (message.stream === undefined) view.update(toLine(message));
      else {
        view.finish();
        output.print(message.stream);
      }
    }
    failed = false;
  } finally {
    view.finish(failed);
  }
}

async function readWords(
  messages: AsyncIterable<ProgressMessage>,
  output: Output | undefined,
): Promise<void> {
  for await (const message of messages) {
    if (message.errorDetail || message.error) throw toError(message);
    if (message.stream !== undefined) output?.print(message.stream);
  }
}

function toLine(message: ProgressMessage): ProgressLine {
  const { current, total } = message.progressDetail ?? {};
  return {
    text: message.status ?? "",
    ...(message.id === undefined ? {} : { id: message.id }),
    ...(current === undefined ? {} : { current }),
    ...(total === undefined ? {} : { total }),
    final: isFinal(message),
    skipped: message.status === "Already exists",
  };
}

/** What a reader of plain lines wants to know; the rest is motion. */
function isFinal({ id, status = "" }: ProgressMessage): boolean {
  return (
    id === undefined ||
    /^(Pulling from|Pull complete|Already exists|Pushed|Layer already exists|Mounted from)/.test(
      status,
    )
  );
}

function toError(message: ProgressMessage): EngineError {
  const text = message.errorDetail?.message ?? message.error ?? "the engine has failed";
  const code = message.rtErrorCode;
  const known = code !== undefined && Object.hasOwn(errorCodes, code);
  const options = message.rtErrorHint === undefined ? {} : { hint: message.rtErrorHint };
  return new EngineError(known ? (code as ErrorCode) : "internal", text, options);
}
