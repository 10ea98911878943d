import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { ImagesClient } from "../client/images.ts";
import { openEngine } from "../client/open.ts";
import { readArchive } from "./archive-input.ts";
import { showProgress } from "./image/progress-stream.ts";

export const importImage = defineCommand({
  name: "import",
  summary: "Import the contents from a tarball to create a filesystem image",
  usage: "FILE|- [REPOSITORY[:TAG]]",
  arity: { min: 1, max: 2 },
  flags: {
    change: {
      ...{ kind: "list", short: "c" },
      summary: "Apply a Dockerfile instruction to the created image",
    },
    message: { kind: "string", short: "m", summary: "Set commit message for imported image" },
    platform: { kind: "string", summary: "Set platform if server is multi-platform capable" },
  },
  async run({ args, flags, target, stdout }) {
    const [source = "", name = ""] = args;
    const isUrl = /^https?:\/\//.test(source);
    const archive = isUrl ? none() : await readArchive(source === "-" ? undefined : source);
    const colon = name.lastIndexOf(":");
    const hasTag = colon > name.lastIndexOf("/");
    const client = new ImagesClient(openEngine(target).transport);
    const messages = await client.import(archive, {
      source: isUrl ? source : "-",
      repository: hasTag ? name.slice(0, colon) : name,
      tag: hasTag ? name.slice(colon + 1) : "",
      ...{ message: flags.message, platform: flags.platform, changes: flags.change },
    });
    await showProgress(messages, stdout, false);
    return exitCodes.ok;
  },
});

/** The engine says what it thinks of an address. */
async function* none(): AsyncGenerator<Uint8Array> {}
