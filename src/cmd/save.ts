import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { ImagesClient } from "../client/images.ts";
import { openEngine } from "../client/open.ts";
import { checkDestination, writeArchive } from "./archive-output.ts";

export const save = defineCommand({
  name: "save",
  summary: "Save one or more images to a tar archive (streamed to STDOUT by default)",
  usage: "IMAGE [IMAGE...]",
  arity: { min: 1 },
  completes: "images",
  flags: {
    output: { kind: "string", short: "o", summary: "Write to a file, instead of STDOUT" },
    platform: {
      kind: "string",
      summary: 'Save only the given platform ("os[/arch[/variant]]")',
    },
  },
  async run({ args, flags, target, stdout }) {
    await checkDestination(flags.output);
    const client = new ImagesClient(openEngine(target).transport);
    const { body } = await client.save(args, flags.platform);
    await writeArchive(body, flags.output, stdout);
    return exitCodes.ok;
  },
});
