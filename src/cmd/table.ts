import type { CommandEntry, CommandTable } from "../cli/command.ts";

/** Every command, by name; a module is loaded only when its command is called. */
const run: CommandEntry = {
  summary: "Create and run a new container from an image",
  load: async () => (await import("./run.ts")).run,
};
const create: CommandEntry = {
  summary: "Create a new container",
  load: async () => (await import("./create.ts")).create,
};

export const commands: CommandTable = { run, create };
