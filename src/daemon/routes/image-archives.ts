import { EngineError } from "../../errors.ts";
import type { Platform } from "../../oci/platform.ts";
import type { Handler, ReplyStream, RequestContext } from "../http/context.ts";
import type { Send } from "../images/save.ts";
import { readPlatforms } from "./platforms.ts";

export interface ImageArchiveParts {
  save(
    names: string[],
    platform: Platform | undefined,
    send: Send,
    signal: AbortSignal,
  ): Promise<void>;
}

export function imageArchiveRoutes(parts: ImageArchiveParts) {
  const save = async (context: RequestContext, names: string[]): Promise<void> => {
    const [platform, ...others] = readPlatforms(context.query);
    if (others.length > 0)
      throw new EngineError("not_implemented", "an image of this engine has one platform only");
    let reply: ReplyStream | undefined;
    const send: Send = async (chunk) => {
      reply ??= context.stream(200, "application/x-tar");
      await reply.write(chunk);
    };
    await parts.save(names, platform, send, context.signal);
    reply?.end();
  };
  return {
    async imageSaveAll(context) {
      const names = context.query.list("names").flatMap((text) => text.split(","));
      const given = names.filter((name) => name !== "");
      if (given.length === 0)
        throw new EngineError("invalid_argument", "no image to save was named");
      await save(context, given);
    },

    async imageSave(context) {
      await save(context, [context.params.name ?? ""]);
    },
  } satisfies Record<string, Handler>;
}
