import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { FilesClient } from "../client/files.ts";
import { openEngine } from "../client/open.ts";
import { checkDestination, writeArchive } from "./archive-output.ts";

export const exportContainer = defineCommand({
  name: "export",
  summary: "Export a container's filesystem as a tar archive",
  usage: "CONTAINER",
  arity: { min: 1, max: 1 },
  completes: "containers",
  flags: {
    output: { kind: "string", short: "o", summary: "Write to a file, instead of STDOUT" },
  },
  async run({ args, flags, target, stdout }) {
    const [id = ""] = args;
    await checkDestination(flags.output);
    const { body } = await new FilesClient(openEngine(target).transport).export(id);
    await writeArchive(body, flags.output, stdout);
    return exitCodes.ok;
  },
});
