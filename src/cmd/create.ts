import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { openEngine } from "../client/open.ts";
import { createContainer } from "./request/create-container.ts";
import { containerFlags, creationFlags } from "./request/flags.ts";
import { buildCreateRequest } from "./request/request.ts";

export const create = defineCommand({
  name: "create",
  summary: "Create a new container",
  usage: "IMAGE [COMMAND] [ARG...]",
  arity: { min: 1 },
  flags: { ...containerFlags, ...creationFlags },
  stopAtPositional: true,
  completes: "images",
  failureExit: exitCodes.usage,
  async run(context) {
    const { flags, given, args } = context;
    const [image = "", ...command] = args;
    const request = await buildCreateRequest(flags, given, { image, command });
    const engine = openEngine(context.target);
    const cidfile = flags.cidfile;
    context.stdout.line(await createContainer(engine, { request, flags, cidfile }, context));
    return exitCodes.ok;
  },
});
