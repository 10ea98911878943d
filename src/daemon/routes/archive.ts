import { EngineError } from "../../errors.ts";
import type { FileChange } from "../../native-types/layers.ts";
import type { FileStat } from "../../native-types/native.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseReference, type Reference } from "../../oci/reference.ts";
import { parseConfigRequest } from "../containers/request.ts";
import type { ContainerTable, Entry } from "../containers/table.ts";
import type { CommitRequest } from "../files/commit.ts";
import type { ArchiveReceiver, ExtractOptions } from "../files/service.ts";
import type { Handler, ReplyStream, RequestContext } from "../http/context.ts";

/** What these routes need of the engine. */
export interface ArchiveRoutesParts {
  table: ContainerTable;
  stat(entry: Entry, path: string): Promise<FileStat>;
  copy(entry: Entry, path: string, to: ArchiveReceiver, signal: AbortSignal): Promise<void>;
  export(entry: Entry, to: ArchiveReceiver, signal: AbortSignal): Promise<void>;
  extract(
    entry: Entry,
    options: ExtractOptions,
    input: () => AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void>;
  changes(entry: Entry): Promise<FileChange[]>;
  commit(entry: Entry, request: CommitRequest, signal: AbortSignal): Promise<Digest>;
}

export function archiveRoutes(parts: ArchiveRoutesParts) {
  const find = ({ params }: RequestContext): Entry => parts.table.get(params.id ?? "");
  return {
    async containerArchiveInfo(context) {
      const entry = find(context);
      const path = readPath(context);
      const stat = await namingAbsent(context, path, () => parts.stat(entry, path));
      context.empty(200, statHeader(stat));
    },

    async containerArchive(context) {
      const entry = find(context);
      const path = readPath(context);
      const reply = new TarReply(context);
      await namingAbsent(context, path, () => parts.copy(entry, path, reply, context.signal));
      reply.end();
    },

    async containerArchiveExtract(context) {
      const entry = find(context);
      const path = readPath(context);
      const options = {
        path,
        noOverwriteDirNonDir: context.query.flag("noOverwriteDirNonDir"),
        copyOwner: context.query.flag("copyUIDGID"),
      };
      const input = () => context.input();
      await namingAbsent(context, path, () => parts.extract(entry, options, input, context.signal));
      context.empty(200);
    },

    async containerExport(context) {
      const entry = find(context);
      const reply = new TarReply(context, "application/octet-stream");
      await parts.export(entry, reply, context.signal);
      reply.end();
    },

    async containerChanges(context) {
      const changes = await parts.changes(find(context));
      context.json(
        200,
        changes.map(({ path, kind }) => ({ Path: path, Kind: kind })),
      );
    },

    async containerCommit(context) {
      const { query } = context;
      const entry = parts.table.get(query.text("container"));
      const request: CommitRequest = {
        reference: readName(query.text("repo"), query.text("tag")),
        comment: query.text("comment"),
        author: query.text("author"),
        pause: query.flag("pause", true),
        changes: query.list("changes"),
        config: parseConfigRequest(await context.body()),
      };
      context.json(201, { Id: await parts.commit(entry, request, context.signal) });
    },
  } satisfies Record<string, Handler>;
}

/** Headers wait until something was found, so that what is absent is still a 404. */
class TarReply implements ArchiveReceiver {
  readonly #context: RequestContext;
  readonly #contentType: string;
  #reply: ReplyStream | undefined;

  constructor(context: RequestContext, contentType = "application/x-tar") {
    this.#context = context;
    this.#contentType = contentType;
  }

  begin(stat: FileStat): void {
    this.#reply = this.#context.stream(200, this.#contentType, statHeader(stat));
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#reply?.write(chunk);
  }

  end(): void {
    this.#reply?.end();
  }
}

function readPath({ query }: RequestContext): string {
  const path = query.text("path");
  if (path === "") throw new EngineError("invalid_argument", "bad parameter: missing 'path'");
  return path;
}

function readName(repository: string, tag: string): Reference | undefined {
  if (repository === "") return undefined;
  return parseReference(tag === "" ? repository : `${repository}:${tag}`);
}

/** Docker's words for a path that a container does not have. */
async function namingAbsent<T>(
  { params }: RequestContext,
  path: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof EngineError) || cause.code !== "not_found") throw cause;
    const text = `Could not find the file ${path} in container ${params.id}`;
    throw new EngineError("not_found", text, { cause });
  }
}

function statHeader(stat: FileStat): Record<string, string> {
  const { name, size, mode, linkTarget } = stat;
  const json = JSON.stringify({ name, size, mode, mtime: toRfc3339(stat), linkTarget });
  return { "X-Docker-Container-Path-Stat": Buffer.from(json).toString("base64") };
}

/** As Go writes a time: no zeros at the end of the fraction. */
function toRfc3339({ seconds, nanos }: FileStat): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  const fraction = String(nanos).padStart(9, "0").replace(/0+$/, "");
  return `${whole}${fraction === "" ? "" : `.${fraction}`}Z`;
}
