import type { ProgressMessage, PushedInsteadOfIndex } from "../api/types.ts";
import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { ImagesClient } from "../client/images.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";
import { formatCanonical, parseImageName, registryOf } from "./image/name.ts";
import { showProgress } from "./image/progress-stream.ts";
import { findAuthHeader } from "./login/credentials.ts";

export const push = defineCommand({
  name: "push",
  summary: "Upload an image to a registry",
  usage: "NAME[:TAG]",
  arity: { min: 1, max: 1 },
  completes: "images",
  flags: {
    "all-tags": {
      kind: "bool",
      short: "a",
      summary: "Push all tags of an image to the repository",
    },
    platform: {
      kind: "string",
      summary:
        'Push a platform-specific manifest as a single-platform image ("os[/arch[/variant]]")',
    },
    quiet: { kind: "bool", short: "q", summary: "Suppress verbose output" },
  },
  async run({ flags, args, target, stdout, stderr }) {
    const [image = ""] = args;
    const { name, tag, digest } = parseImageName(image);
    if (digest) throw new EngineError("invalid_argument", "cannot push a digest reference");
    const bare = !/:[^/]+$/.test(image);
    const all = flags["all-tags"];
    if (all && !bare)
      throw new EngineError("invalid_argument", "tag can't be used with --all-tags/-a");
    if (bare && !all && !flags.quiet) stdout.line("Using default tag: latest");
    const client = new ImagesClient(openEngine(target).transport);
    const messages = client.push(name, {
      tag: all ? undefined : tag,
      platform: flags.platform,
      auth: await findAuthHeader(registryOf(name)),
    });
    const partial: PushedInsteadOfIndex[] = [];
    await showProgress(withoutAux(messages, partial), flags.quiet ? undefined : stdout, false);
    for (const { originalIndex, selectedManifest } of flags.quiet ? [] : partial) {
      stderr.line("Not all of the multi-platform image is here: one platform's was pushed");
      stderr.line(`${originalIndex.digest} -> ${selectedManifest.digest}`);
    }
    if (flags.quiet) stdout.line(formatCanonical(all ? name : `${name}:${tag}`));
    return exitCodes.ok;
  },
});

/** What is meant for programs is no line of progress. */
async function* withoutAux(messages: AsyncIterable<ProgressMessage>, kept: PushedInsteadOfIndex[]) {
  for await (const message of messages) {
    if (message.aux === undefined) yield message;
    else if ("originalIndex" in message.aux) kept.push(message.aux);
  }
}
