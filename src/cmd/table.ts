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
const ps: CommandEntry = {
  summary: "List containers",
  load: async () => (await import("./ps.ts")).ps,
};
const images: CommandEntry = {
  summary: "List images",
  load: async () => (await import("./images.ts")).images,
};
const pull: CommandEntry = {
  summary: "Download an image from a registry",
  load: async () => (await import("./pull.ts")).pull,
};

export const commands: CommandTable = { run, create, ps, images, pull };
