import { errorCodeHeader, errorHintHeader, toErrorReply } from "../../api/errors.ts";
import type { ProgressMessage } from "../../api/types.ts";
import type { ReplyStream, RequestContext } from "../http/context.ts";
import type { Report } from "../images/fetch-layer.ts";

/**
 * Answers with what the work reports, a JSON line for each; its error is a status, or behind the first line the last.
 * With `always200` it is a line in any case.
 */
export async function withProgress(
  context: RequestContext,
  work: (report: Report) => Promise<void>,
  { always200 = false } = {},
): Promise<void> {
  let reply: ReplyStream | undefined;
  const report: Report = (message) => {
    reply ??= context.stream(200, "application/json");
    void reply.write(`${JSON.stringify(message)}\r\n`);
  };
  try {
    await work(report);
  } catch (error) {
    if (reply === undefined && !always200) throw error;
    report(toProgressError(error));
  }
  reply ??= context.stream(200, "application/json");
  reply.end();
}

function toProgressError(error: unknown): ProgressMessage {
  const { headers, body } = toErrorReply(error);
  const code = headers[errorCodeHeader];
  const hint = headers[errorHintHeader];
  return {
    errorDetail: body,
    error: body.message,
    ...(code === undefined ? {} : { rtErrorCode: code }),
    ...(hint === undefined ? {} : { rtErrorHint: decodeURIComponent(hint) }),
  };
}
