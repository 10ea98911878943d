import { defineCommand } from "../cli/command.ts";
import { buildBash, buildFish, buildZsh, readWords } from "../cli/completion.ts";
import { exitCodes } from "../cli/report.ts";
import { EngineError } from "../errors.ts";
import { commands } from "./table.ts";

const shells = { bash: buildBash, fish: buildFish, zsh: buildZsh };

export const completion = defineCommand({
  name: "completion",
  summary: "Print a completion script for a shell: bash, fish or zsh",
  usage: "SHELL",
  arity: { min: 1, max: 1 },
  flags: {},
  async run({ args, program, stdout }) {
    const [shell = ""] = args;
    if (shell !== "bash" && shell !== "fish" && shell !== "zsh") {
      throw new EngineError("invalid_argument", `unknown shell: "${shell}"`, {
        hint: 'give "bash", "fish" or "zsh"',
      });
    }
    stdout.print(shells[shell](program, await readWords(commands)));
    return exitCodes.ok;
  },
});
