import type { Session } from "../cli/command.ts";
import { exitCodeOf, exitCodes, formatError } from "../cli/report.ts";

/** As many at once as Docker's client does. */
const parallel = 50;

/**
 * Does `action` for every name, several at a time, and prints what each resolves with in the order of
 * the names; failures follow on stderr. Resolves with the exit code.
 */
export async function runBatch(
  session: Session,
  names: readonly string[],
  action: (name: string) => Promise<string>,
): Promise<number> {
  const failures: unknown[] = [];
  for (let from = 0; from < names.length; from += parallel) {
    const results = await Promise.allSettled(names.slice(from, from + parallel).map(action));
    for (const result of results) {
      if (result.status === "rejected") failures.push(result.reason);
      else if (result.value !== "") session.stdout.line(result.value);
    }
  }
  for (const failure of failures) session.stderr.line(formatError(failure, session.program));
  return failures.length === 0 ? exitCodes.ok : exitCodeOf(failures[0]);
}
