import type { ProgressMessage } from "../../api/types.ts";
import type { Output } from "../../cli/output.ts";
import { type ProgressLine, ProgressView } from "../../cli/progress.ts";
import { terminalSize } from "../../cli/terminal.ts";
import type { Engine } from "../../client/engine.ts";
import { EngineError, type ErrorCode, errorCodes } from "../../errors.ts";
import { findAuthHeader } from "../login/credentials.ts";
import { parseImageName, registryOf } from "./name.ts";

export interface PullOptions {
  image: string;
  /** Every tag of the repository, not the one that the name says. */
  allTags?: boolean;
  platform: string | undefined;
  /** Where progress goes; nowhere if undefined. */
  output: Output | undefined;
}

/** Pulls an image, showing how it goes. Throws what the stream reports, with its own code. */
export async function pullImage(engine: Engine, options: PullOptions): Promise<void> {
  const { name, tag } = parseImageName(options.image);
  const messages = engine.pullImage({
    fromImage: name,
    tag: options.allTags ? "" : tag,
    platform: options.platform,
    auth: await findAuthHeader(registryOf(name)),
  });
  const { output } = options;
  const view = output ? new ProgressView(output, terminalSize(output.fd)) : undefined;
  for await (const message of messages) {
    if (message.errorDetail || message.error) {
      view?.finish();
      throw toError(message);
    }
    view?.update(toLine(message));
  }
  view?.finish();
}

function toLine(message: ProgressMessage): ProgressLine {
  const { current, total } = message.progressDetail ?? {};
  return {
    text: message.status ?? "",
    ...(message.id === undefined ? {} : { id: message.id }),
    ...(current === undefined ? {} : { current }),
    ...(total === undefined ? {} : { total }),
    final: isFinal(message),
  };
}

/** What a reader of plain lines wants to know; the rest is motion. */
function isFinal({ id, status = "" }: ProgressMessage): boolean {
  return id === undefined || /^(Pulling from|Pull complete|Already exists)/.test(status);
}

function toError(message: ProgressMessage): EngineError {
  const text = message.errorDetail?.message ?? message.error ?? "the pull failed";
  const code = message.rtErrorCode;
  const known = code !== undefined && Object.hasOwn(errorCodes, code);
  const options = message.rtErrorHint === undefined ? {} : { hint: message.rtErrorHint };
  return new EngineError(known ? (code as ErrorCode) : "internal", text, options);
}
