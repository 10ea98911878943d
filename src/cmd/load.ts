import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { ImagesClient } from "../client/images.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";
import { readArchive } from "./archive-input.ts";
import { showProgress } from "./image/progress-stream.ts";

export const load = defineCommand({
  name: "load",
  summary: "Load an image from a tar archive or STDIN",
  usage: "",
  arity: { min: 0, max: 0 },
  flags: {
    input: { kind: "string", short: "i", summary: "Read from tar archive file, instead of STDIN" },
    platform: {
      kind: "string",
      summary: 'Load only the given platform ("os[/arch[/variant]]")',
    },
    quiet: { kind: "bool", short: "q", summary: "Suppress the load output" },
  },
  async run({ flags, target, stdout }) {
    const { input, quiet, platform } = flags;
    if (input === undefined && (await import("../cli/terminal.ts")).isTerminal(0)) {
      const text = "requested load from stdin, but stdin is empty";
      throw new EngineError("invalid_argument", text);
    }
    const archive = await readArchive(input);
    const client = new ImagesClient(openEngine(target).transport);
    await showProgress(await client.load(archive, { quiet, platform }), stdout, quiet);
    return exitCodes.ok;
  },
});
