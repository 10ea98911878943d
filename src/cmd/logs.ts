import { defineCommand } from "../cli/command.ts";
import { UsageError } from "../cli/flags.ts";
import { exitCodes } from "../cli/report.ts";
import { parseMoment } from "../cli/time.ts";
import { openEngine } from "../client/open.ts";
import { copyFrames } from "./request/streams.ts";

export const logs = defineCommand({
  name: "logs",
  summary: "Fetch the logs of a container",
  usage: "CONTAINER",
  arity: { min: 1, max: 1 },
  completes: "containers",
  flags: {
    details: { kind: "bool", summary: "Show extra details provided to logs" },
    follow: { kind: "bool", short: "f", summary: "Follow log output" },
    since: {
      kind: "string",
      summary: "Show logs since a moment (2026-01-02T13:23:37Z) or 42m ago",
    },
    tail: {
      kind: "string",
      short: "n",
      default: "all",
      summary: "Number of lines to show from the end of the logs",
    },
    timestamps: { kind: "bool", short: "t", summary: "Show timestamps" },
    until: {
      kind: "string",
      summary: "Show logs before a moment (2026-01-02T13:23:37Z) or 42m ago",
    },
  },
  async run(context) {
    const { args, flags } = context;
    const [name = ""] = args;
    const engine = openEngine(context.target);
    const since = readMoment("since", flags.since);
    const until = readMoment("until", flags.until);
    const { details, follow, timestamps, tail } = flags;
    const selection = { details, follow, timestamps, tail, since, until };
    const options = { stdout: true, stderr: true, ...selection };
    const { body, headers } = await engine.containerLogs(name, options);
    // Older engines call everything raw.
    const isFramed = headers["content-type"]?.endsWith("multiplexed-stream") ?? false;
    const tty = !isFramed && ((await engine.inspectContainer(name)).Config?.Tty ?? false);
    await copyFrames(() => body.next(), { tty, session: context });
    return exitCodes.ok;
  },
});

/** A moment of --since or --until in the API's form. */
export function readMoment(flag: string, text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  const moment = parseMoment(text);
  if (moment !== undefined) return moment;
  throw new UsageError(
    `invalid argument "${text}" for "--${flag}" flag: expected a time (2026-01-02T13:23:37Z), Unix seconds or a duration (1h30m)`,
  );
}
