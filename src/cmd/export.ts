import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { FilesClient } from "../client/files.ts";
import type { Body } from "../client/http.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";

export const exportContainer = defineCommand({
  name: "export",
  summary: "Export a container's filesystem as a tar archive",
  usage: "CONTAINER",
  arity: { min: 1, max: 1 },
  completes: "containers",
  flags: {
    output: { kind: "string", short: "o", summary: "Write to a file, instead of STDOUT" },
  },
  async run(context) {
    const { args, flags, stdout } = context;
    const [id = ""] = args;
    const { isTerminal } = await import("../cli/terminal.ts");
    if (!flags.output && isTerminal(1)) {
      const text = "cowardly refusing to save to a terminal. Use the -o flag or redirect";
      throw new EngineError("invalid_argument", text);
    }
    if (flags.output) await (await import("./copy/local.ts")).checkOutput(flags.output);
    const { body } = await new FilesClient(openEngine(context.target).transport).export(id);
    if (flags.output) {
      await save(body, flags.output);
      return exitCodes.ok;
    }
    for (let chunk = await body.next(); chunk; chunk = await body.next()) await stdout.pipe(chunk);
    return exitCodes.ok;
  },
});

/** The file has its name once it is whole. */
async function save(body: Body, path: string): Promise<void> {
  const { open, rename, rm } = await import("node:fs/promises");
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      for (let chunk = await body.next(); chunk; chunk = await body.next())
        await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
