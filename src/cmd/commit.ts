import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { FilesClient } from "../client/files.ts";
import { openEngine } from "../client/open.ts";

export const commit = defineCommand({
  name: "commit",
  summary: "Create a new image from a container's changes",
  usage: "CONTAINER [REPOSITORY[:TAG]]",
  arity: { min: 1, max: 2 },
  completes: "containers",
  flags: {
    author: {
      kind: "string",
      short: "a",
      summary: "Author (e.g., Ada Lovelace <ada@example.org>)",
    },
    change: {
      kind: "list",
      short: "c",
      summary: "Apply a Dockerfile instruction to the created image",
    },
    message: { kind: "string", short: "m", summary: "Commit message" },
    pause: { kind: "bool", short: "p", default: "true", summary: "Pause container during commit" },
  },
  async run({ args, flags, target, stdout }) {
    const [id = "", name = ""] = args;
    const colon = name.lastIndexOf(":");
    const hasTag = colon > name.lastIndexOf("/");
    const client = new FilesClient(openEngine(target).transport);
    const image = await client.commit(id, {
      repository: hasTag ? name.slice(0, colon) : name,
      tag: hasTag ? name.slice(colon + 1) : "",
      ...{ comment: flags.message, author: flags.author },
      ...{ pause: flags.pause, changes: flags.change },
    });
    stdout.line(image);
    return exitCodes.ok;
  },
});
