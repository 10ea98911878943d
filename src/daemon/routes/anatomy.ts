import type { DifferenceFailure, ImageAnatomy } from "../../api/anatomy.ts";
import { EngineError, messageOf } from "../../errors.ts";
import type { Handler, ReplyStream } from "../http/context.ts";
import type { Query } from "../http/query.ts";
import type { SendLines } from "../images/anatomy.ts";

export interface AnatomyRoutesParts {
  tree(name: string): Promise<ImageAnatomy>;
  diff(before: string, after: string, send: SendLines, signal: AbortSignal): Promise<void>;
}

export function anatomyRoutes(parts: AnatomyRoutesParts) {
  return {
    async imageTree({ query, json }) {
      json(200, await parts.tree(readName(query, "name")));
    },

    async imageDiff({ query, stream, signal }) {
      const [before, after] = [readName(query, "before"), readName(query, "after")];
      let reply: ReplyStream | undefined;
      const send: SendLines = async (lines) => {
        reply ??= stream(200, "application/json");
        await reply.write(lines);
      };
      try {
        await parts.diff(before, after, send, signal);
      } catch (error) {
        if (reply === undefined) throw error;
        const failure = { error: messageOf(error) } satisfies DifferenceFailure;
        await reply.write(`${JSON.stringify(failure)}\n`);
      }
      reply?.end();
    },
  } satisfies Record<string, Handler>;
}

function readName(query: Query, field: string): string {
  const name = query.text(field);
  if (name) return name;
  throw new EngineError("invalid_argument", `no image was named: ${field}`);
}
