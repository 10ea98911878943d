import { errorCodeHeader, errorHintHeader, toErrorReply } from "../../api/errors.ts";
import type {
  ImageDeleteResponseItem,
  ImageInspect,
  ImageSummary,
  ProgressMessage,
} from "../../api/types.ts";
import { EngineError } from "../../errors.ts";
import { isDigest } from "../../oci/digest.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { parseName, parseReference, type Reference } from "../../oci/reference.ts";
import type { Handler, ReplyStream } from "../http/context.ts";
import type { PullRequest } from "../images/pull.ts";
import { imageFilters } from "../images/view.ts";
import { parseCredentials } from "./credentials.ts";

export interface ImageRoutesParts {
  pull(request: PullRequest): Promise<void>;
  list(filters: Map<string, string[]>): ImageSummary[];
  inspect(name: string): ImageInspect;
  remove(
    name: string,
    options: { force: boolean; prune: boolean },
  ): Promise<ImageDeleteResponseItem[]>;
}

export function imageRoutes(parts: ImageRoutesParts) {
  return {
    imageList({ query, json }) {
      json(200, parts.list(query.filters(imageFilters)));
    },

    imageInspect({ params, json }) {
      json(200, parts.inspect(params.name ?? ""));
    },

    async imageRemove({ params, query, json }) {
      const options = { force: query.flag("force"), prune: !query.flag("noprune") };
      json(200, await parts.remove(params.name ?? "", options));
    },

    async imageCreate(context) {
      const { query } = context;
      if (query.text("fromSrc") !== "")
        throw new EngineError(
          "not_implemented",
          "importing an image is not supported by this engine yet",
        );
      const platform = query.text("platform");
      let reply: ReplyStream | undefined;
      const report = (message: ProgressMessage): void => {
        reply ??= context.stream(200, "application/json");
        void reply.write(`${JSON.stringify(message)}\r\n`);
      };
      try {
        await parts.pull({
          reference: parseSource(query.text("fromImage"), query.text("tag")),
          platform: platform === "" ? undefined : parsePlatform(platform),
          credentials: parseCredentials(context.headers["x-registry-auth"]),
          report,
          signal: context.signal,
        });
      } catch (error) {
        // Before the first message the error can still be a status.
        if (reply === undefined) throw error;
        report(toProgressError(error));
      }
      (reply as ReplyStream | undefined)?.end();
    },
  } satisfies Record<string, Handler>;
}

function parseSource(name: string, tag: string): Reference {
  if (name === "")
    throw new EngineError("invalid_argument", "invalid reference format: the name is empty");
  if (tag === "") return parseReference(name);
  const { tag: _tag, digest: _digest, ...repository } = parseName(name);
  return isDigest(tag) ? { ...repository, digest: tag } : parseReference(`${name}:${tag}`);
}

function toProgressError(error: unknown): ProgressMessage {
  const { headers, body } = toErrorReply(error);
  const code = headers[errorCodeHeader];
  const hint = headers[errorHintHeader];
  return {
    errorDetail: body,
    error: body.message,
    ...(code === undefined ? {} : { rtErrorCode: code }),
    ...(hint === undefined ? {} : { rtErrorHint: decodeURIComponent(hint) }),
  };
}
