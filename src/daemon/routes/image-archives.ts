import { EngineError } from "../../errors.ts";
import type { Platform } from "../../oci/platform.ts";
import type { Handler, ReplyStream, RequestContext } from "../http/context.ts";
import type { Report } from "../images/fetch-layer.ts";
import type { LoadOptions } from "../images/load.ts";
import type { SavedOutput } from "../images/save.ts";
import { readPlatforms } from "./platforms.ts";
import { withProgress } from "./progress.ts";

export interface ImageArchiveParts {
  load(input: AsyncIterable<Uint8Array>, options: LoadOptions, signal: AbortSignal): Promise<void>;
  save(
    names: string[],
    platform: Platform | undefined,
    output: SavedOutput,
    signal: AbortSignal,
  ): Promise<void>;
}

export function imageArchiveRoutes(parts: ImageArchiveParts) {
  const save = async (context: RequestContext, names: string[]): Promise<void> => {
    const [platform, ...others] = readPlatforms(context.query);
    if (others.length > 0) throw onePlatform();
    let reply: ReplyStream | undefined;
    const begun = (): ReplyStream => {
      reply ??= context.stream(200, "application/x-tar");
      return reply;
    };
    const output: SavedOutput = {
      write: (chunk) => begun().write(chunk),
      writeFile: (file, size) => begun().writeFile(file, size),
    };
    await parts.save(names, platform, output, context.signal);
    reply?.end();
  };
  return {
    async imageLoad(context) {
      const [platform, ...others] = readPlatforms(context.query);
      if (others.length > 0) throw onePlatform();
      const quiet = context.query.flag("quiet");
      const load = (report: Report) =>
        parts.load(
          context.input(),
          { platform, report: quiet ? onlyWords(report) : report },
          context.signal,
        );
      // As Docker, whose clients look for the error of a load among its lines only.
      await withProgress(context, load, { always200: true });
    },

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

function onlyWords(report: Report): Report {
  return (message) => {
    if (message.stream !== undefined) report(message);
  };
}

function onePlatform(): EngineError {
  return new EngineError("not_implemented", "an image of this engine has one platform only");
}
