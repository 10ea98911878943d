import { EngineError, errorCodes, messageOf } from "../errors.ts";
import type { Command, Session } from "./command.ts";
import { UsageError } from "./flags.ts";
import { Interrupted } from "./interrupted.ts";
import { OutputClosed } from "./output.ts";
import { tame } from "./tame.ts";

/** Exit codes that are not an error's own (those are in errors.ts) nor a container's. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  /** `rt daemon`: another daemon works on the same root; a client that wanted one waits for that. */
  daemonRuns: 3,
  /** A mistake on the command line, or `run` and `create` failed before the container did. */
  usage: 125,
  /** Ctrl-C: 128 + SIGINT. */
  interrupted: 130,
  /** stdout was closed by its reader: 128 + SIGPIPE. */
  outputClosed: 141,
} as const;

/** `name` is the command as typed, "run" or "container ls". */
export interface Running {
  name: string;
  command: Command;
}

/** Says on stderr what went wrong, in one sentence with its remedy; returns the exit code. */
export function report(error: unknown, session: Session, running: Running | undefined): number {
  if (error instanceof OutputClosed) return exitCodes.outputClosed;
  if (error instanceof Interrupted) {
    session.stderr.line(`${session.program}: ${error.message}`);
    return exitCodes.interrupted;
  }
  const help = `Run '${[session.program, running?.name, "--help"].filter(Boolean).join(" ")}' for more information`;
  if (error instanceof UsageError) {
    const usage = running
      ? `${running.name} ${usageTail(running.command)}`
      : "[OPTIONS] COMMAND [ARG...]";
    session.stderr.print(`${error.message}\n\nUsage:  ${session.program} ${usage}\n\n${help}\n`);
    return error.exit ?? exitCodes.usage;
  }
  session.stderr.line(
    formatError(error, session.program, running?.command.failureExit !== undefined),
  );
  if (running?.command.failureExit !== undefined) session.stderr.print(`\n${help}\n`);
  return exitCodeOf(error, running?.command.failureExit);
}

/** The message with its hint. The daemon's own words stand alone, as Docker prints them. */
export function formatError(error: unknown, program: string, always = false): string {
  const message = tame(messageOf(error));
  const foreign = /^Error(:| response from daemon:) /.test(message) && !always;
  const hint = error instanceof EngineError && error.hint !== undefined ? error.hint : undefined;
  return `${foreign ? "" : `${program}: `}${message}${hint === undefined ? "" : `\nhint: ${tame(hint)}`}`;
}

export function exitCodeOf(error: unknown, otherwise: number = exitCodes.failure): number {
  if (!(error instanceof EngineError)) return otherwise;
  const entry: { status: number; exit?: number } = errorCodes[error.code];
  return entry.exit ?? otherwise;
}

/** "[OPTIONS] IMAGE [COMMAND] [ARG...]" */
export function usageTail(command: Command): string {
  const options = Object.keys(command.flags).length > 0 ? "[OPTIONS]" : "";
  return [options, command.usage].filter((part) => part !== "").join(" ");
}
