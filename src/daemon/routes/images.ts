import { layerSizesHeader } from "../../api/pull.ts";
import type {
  HistoryItem,
  ImageDeleteResponseItem,
  ImageManifestSummary,
} from "../../api/types.ts";
import { compareVersions } from "../../api/version.ts";
import { EngineError } from "../../errors.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { familiarName, parseName, parseReference, type Reference } from "../../oci/reference.ts";
import type { Handler, RequestContext } from "../http/context.ts";
import type { Query } from "../http/query.ts";
import { type ImageRow, imageFilters } from "../images/filter.ts";
import type { ImportRequest } from "../images/import.ts";
import { type ImagePruneReport, imagePruneFilters } from "../images/prune.ts";
import type { PullRequest } from "../images/pull.ts";
import { checkSavedPlatform } from "../images/save.ts";
import { toFormerInspect, toFormerSummary } from "../images/versions.ts";
import { toImageInspect, toImageSummary } from "../images/view.ts";
import { parseCredentials } from "./credentials.ts";
import { readPlatforms } from "./platforms.ts";
import { withProgress } from "./progress.ts";

export interface ImageRoutesParts {
  pull(request: PullRequest): Promise<void>;
  list(filters: Map<string, string[]>): ImageRow[];
  /** By the image's id. */
  sharedSizes(): Map<string, number>;
  inspect(name: string): ImageRow;
  remove(name: string, force: boolean): Promise<ImageDeleteResponseItem[]>;
  import(
    input: AsyncIterable<Uint8Array>,
    request: ImportRequest,
    signal: AbortSignal,
  ): Promise<Digest>;
  manifests(name: string): Promise<ImageManifestSummary[]>;
  prune(filters: Map<string, string[]>): Promise<ImagePruneReport>;
  history(name: string): Promise<HistoryItem[]>;
  tag(name: string, reference: Reference): Promise<void>;
}

export function imageRoutes(parts: ImageRoutesParts) {
  return {
    imageList({ query, version, json }) {
      const rows = parts.list(readListFilters(query, version));
      const shared = query.flag("shared-size") ? parts.sharedSizes() : undefined;
      const list = rows.map(({ image, tags }) =>
        toImageSummary(image, tags, shared?.get(image.id)),
      );
      json(
        200,
        list.map((summary) => toFormerSummary(summary, version)),
      );
    },

    async imageInspect({ params, query, version, json }) {
      const name = params.name ?? "";
      const { image, tags } = parts.inspect(name);
      for (const platform of readPlatforms(query)) checkSavedPlatform(image, platform);
      const Manifests = query.flag("manifests") ? await parts.manifests(name) : undefined;
      const inspected = toImageInspect(image, tags);
      const shown = Manifests === undefined ? inspected : { ...inspected, Manifests };
      json(200, toFormerInspect(shown, version));
    },

    async imageHistory({ params, query, json }) {
      const name = params.name ?? "";
      const { image } = parts.inspect(name);
      for (const platform of readPlatforms(query)) checkSavedPlatform(image, platform);
      json(200, await parts.history(name));
    },

    async imageTag({ params, query, empty }) {
      await parts.tag(params.name ?? "", parseTarget(query.text("repo"), query.text("tag")));
      empty(201);
    },

    async imagePrune({ query, json }) {
      json(200, await parts.prune(query.filters(imagePruneFilters)));
    },

    async imageRemove({ params, query, json }) {
      // `noprune` keeps untagged parents, which images of this engine do not have.
      json(200, await parts.remove(params.name ?? "", query.flag("force")));
    },

    async imageCreate(context) {
      const { query } = context;
      if (query.text("fromSrc") !== "") return await importArchive(parts, context);
      const platform = query.text("platform");
      await withProgress(context, (report) =>
        parts.pull({
          reference: parseSource(query.text("fromImage"), query.text("tag")),
          platform: platform === "" ? undefined : parsePlatform(platform),
          credentials: parseCredentials(context.headers["x-registry-auth"]),
          report,
          signal: context.signal,
          tellsSizes: context.headers[layerSizesHeader] !== undefined,
        }),
      );
    },
  } satisfies Record<string, Handler>;
}

async function importArchive(
  parts: Pick<ImageRoutesParts, "import">,
  context: RequestContext,
): Promise<void> {
  const { query, signal } = context;
  if (query.text("fromSrc") !== "-")
    throw new EngineError("not_implemented", "this engine imports no archive from an address", {
      hint: "fetch it yourself: `curl -L URL | rt import - NAME`",
    });
  const [platform] = readPlatforms(query);
  const repository = query.text("repo");
  const request: ImportRequest = {
    reference: repository === "" ? undefined : parseTarget(repository, query.text("tag")),
    message: query.text("message"),
    changes: query.list("changes"),
    platform,
  };
  await withProgress(context, async (report) => {
    report({ status: await parts.import(context.input(), request, signal) });
  });
}

/** Until 1.41 the name to look for could also be a parameter of its own. */
function readListFilters(query: Query, version: string): Map<string, string[]> {
  const filters = query.filters(imageFilters);
  const name = query.text("filter");
  if (name !== "" && compareVersions(version, "1.41") < 0)
    filters.set("reference", [...(filters.get("reference") ?? []), name]);
  return filters;
}

/** A digest wins over a tag, `tag` over the tag in the name; with none of them it is the whole repository. */
function parseSource(name: string, tag: string): Reference {
  if (name === "")
    throw new EngineError("invalid_argument", "invalid reference format: the name is empty");
  // Old clients say "NAME:" for all tags.
  const parsed = parseName(name.replace(/:$/, ""));
  const { tag: ownTag, digest: ownDigest, ...repository } = parsed;
  const digest = ownDigest ?? (isDigest(tag) ? tag : undefined);
  if (digest !== undefined) return { ...repository, digest };
  if (tag === "") return ownTag === undefined ? repository : { ...repository, tag: ownTag };
  return parseReference(`${familiarName(repository)}:${tag}`);
}

/** The name that an image is to have: with a tag, and no digest, which nobody chooses. */
export function parseTarget(repository: string, tag: string): Reference {
  const name = parseName(repository);
  if (name.digest !== undefined)
    throw new EngineError("invalid_argument", "refusing to create a tag with a digest reference");
  if (familiarName(name) === "sha256" || familiarName(name) === "sha512") {
    const why = "refusing to create an ambiguous tag using digest algorithm as name";
    throw new EngineError("invalid_argument", why);
  }
  return parseReference(tag === "" ? repository : `${familiarName(name)}:${tag}`);
}
