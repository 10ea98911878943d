import { defineCommand } from "../cli/command.ts";
import { exitCodes } from "../cli/report.ts";
import { ImagesClient } from "../client/images.ts";
import { openEngine } from "../client/open.ts";
import { EngineError } from "../errors.ts";
import { parseImageName } from "./image/name.ts";

export const tag = defineCommand({
  name: "tag",
  summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  arity: { min: 2, max: 2 },
  completes: "images",
  flags: {},
  async run({ args, target }) {
    const [source = "", wanted = ""] = args;
    const { name, tag, digest } = parseImageName(wanted);
    if (digest) {
      const text = "refusing to create a tag with a digest reference";
      throw new EngineError("invalid_argument", text);
    }
    await new ImagesClient(openEngine(target).transport).tag(source, name, tag);
    return exitCodes.ok;
  },
});
