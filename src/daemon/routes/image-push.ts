import { EngineError } from "../../errors.ts";
import { parseName, type Reference } from "../../oci/reference.ts";
import type { Handler } from "../http/context.ts";
import type { PushRequest } from "../images/push.ts";
import { parseCredentials } from "./credentials.ts";
import { parseTarget } from "./images.ts";
import { readPlatforms } from "./platforms.ts";
import { withProgress } from "./progress.ts";

export interface ImagePushParts {
  push(request: PushRequest): Promise<void>;
}

export function imagePushRoutes(parts: ImagePushParts) {
  return {
    async imagePush(context) {
      const { params, query, headers, signal } = context;
      const [platform] = readPlatforms(query);
      const reference = parsePushed(params.name ?? "", query.text("tag"));
      const credentials = parseCredentials(headers["x-registry-auth"]);
      await withProgress(context, (report) =>
        parts.push({ reference, platform, credentials, report, signal }),
      );
    },
  } satisfies Record<string, Handler>;
}

/** Without a tag, in the name or beside it, all tags of the repository are meant. */
function parsePushed(name: string, tag: string): Reference {
  const reference = parseName(name);
  if (reference.digest !== undefined)
    throw new EngineError("invalid_argument", "cannot push a digest reference");
  return tag === "" ? reference : parseTarget(name, tag);
}
