/** Whether an answer is one that a hostile request may get. */
import type { Answer } from "./connection.ts";
import type { HostileRequest } from "./request.ts";

/** Operations that speak to a registry of the client's choice, which may not be there. */
const reachesOut = /^\/(images\/create|auth|distribution)/;

/** What a node that is in no swarm answers, as Docker's. */
const ofSwarms = /^\/(swarm|nodes|services|tasks|secrets|configs)(\/|$)/;

/** For these Docker answers 500, though the request is at fault; clients that go by its status find it here too. */
const dockersOwn =
  /^container [0-9a-f]{64} is not connected to (the )?network |: driver failed programming external connectivity on /;

/** Words that no error of an engine's own has. */
const leaked =
  /TypeError|RangeError|is not a function|undefined is not|\[object |panicked|\.ts:\d|\bSQLite/;

/** Undefined if all is well, or what is wrong. */
export function findFault(
  request: Pick<HostileRequest, "method" | "path">,
  answer: Answer,
): string | undefined {
  const { status } = answer;
  if (status === 101 || (status >= 200 && status < 300) || status === 304) return undefined;
  const isAllowed =
    (status >= 400 && status < 500) ||
    status === 501 ||
    // Of HTTP 9.9 and its like.
    status === 505 ||
    (status === 503 && (reachesOut.test(request.path) || ofSwarms.test(request.path)));
  const text = answer.body.subarray(0, 2000).toString("utf8");
  if (status === 500 && dockersOwn.test(messageIn(answer.body) ?? "")) return undefined;
  if (!isAllowed) return `answered ${status}: ${text.slice(0, 500)}`;
  if (request.method === "HEAD") return undefined;
  const message = messageIn(answer.body);
  if (message === undefined) return `answered ${status} without a message: ${JSON.stringify(text)}`;
  return leaked.test(message) ? `shows its inside: ${message.slice(0, 500)}` : undefined;
}

function messageIn(body: Buffer): string | undefined {
  try {
    const { message } = JSON.parse(body.toString("utf8")) as { message?: unknown };
    return typeof message === "string" && message !== "" ? message : undefined;
  } catch {
    return undefined;
  }
}
