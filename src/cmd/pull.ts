import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";
import { formatCanonical, parseImageName } from "./image/name.ts";
import { pullImage } from "./image/pull-stream.ts";

export const pull = defineCommand({
  name: "pull",
  summary: "Download an image from a registry",
  usage: "NAME[:TAG|@DIGEST]",
  arity: { min: 1, max: 1 },
  completes: "images",
  flags: {
    "all-tags": {
      kind: "bool",
      short: "a",
      summary: "Download all tagged images in the repository",
    },
    platform: { kind: "string", summary: "Set platform if server is multi-platform capable" },
    quiet: { kind: "bool", short: "q", summary: "Suppress verbose output" },
  },
  async run({ flags, args, target, stdout }) {
    const [image = ""] = args;
    const { name } = parseImageName(image);
    // ":tag", "@digest" or both, as typed.
    const typed = image.slice(image.lastIndexOf("/") + 1).replace(/^[^:@]*/, "");
    const bare = typed === "";
    if (flags["all-tags"] && !bare) {
      throw new EngineError("invalid_argument", "tag can't be used with --all-tags/-a");
    }
    if (bare && !flags["all-tags"] && !flags.quiet) stdout.line("Using default tag: latest");
    await pullImage(openEngine(target), {
      image,
      allTags: flags["all-tags"],
      platform: flags.platform,
      output: flags.quiet ? undefined : stdout,
    });
    stdout.line(formatCanonical(name) + (bare && !flags["all-tags"] ? ":latest" : typed));
    return exitCodes.ok;
  },
});
