import { routes } from "../api/routes.ts";
import type { Reply, Transport } from "./transport.ts";

/** What a path of a container is: the reply header of archive requests. */
export interface PathStat {
  name: string;
  size: number;
  /** Go's os.FileMode. */
  mode: number;
  mtime: string;
  linkTarget: string;
}

export interface FileChange {
  Path: string;
  /** Modified, added, deleted. */
  Kind: number;
}

export interface CommitOptions {
  repository: string;
  tag: string;
  comment: string | undefined;
  author: string | undefined;
  pause: boolean;
  changes: string[];
}

/** Bits of Go's os.FileMode. */
const goMode = { directory: 2 ** 31, symlink: 2 ** 27 } as const;

/** Files of containers: archives in and out, what was changed, and images of it. */
export class FilesClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Undefined if the engine does not find it, or cannot say. */
  async stat(id: string, path: string): Promise<PathStat | undefined> {
    const options = { path: { id }, query: { path }, accept: [400, 404, 500] };
    const reply = await this.#transport.request(routes.containerArchiveInfo, options);
    return reply.status === 200 ? parseStat(reply.headers) : undefined;
  }

  /** The archive and what it is of. */
  async read(id: string, path: string): Promise<{ reply: Reply; stat: PathStat | undefined }> {
    const options = { path: { id }, query: { path } };
    const reply = await this.#transport.request(routes.containerArchive, options);
    return { reply, stat: parseStat(reply.headers) };
  }

  async write(
    id: string,
    { path, copyOwner }: { path: string; copyOwner: boolean },
    body: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const query = { path, noOverwriteDirNonDir: "true", copyUIDGID: copyOwner || undefined };
    const headers = { "Content-Type": "application/x-tar" };
    const options = { path: { id }, query, headers, body };
    const reply = await this.#transport.request(routes.containerArchiveExtract, options);
    await reply.body.bytes();
  }

  async export(id: string): Promise<Reply> {
    return await this.#transport.request(routes.containerExport, { path: { id } });
  }

  async changes(id: string): Promise<FileChange[]> {
    const reply = await this.#transport.request(routes.containerChanges, { path: { id } });
    return JSON.parse(await reply.body.text()) ?? [];
  }

  /** Resolves with the id of the image. */
  async commit(id: string, options: CommitOptions): Promise<string> {
    const { repository, tag, comment, author, pause, changes } = options;
    const query = {
      ...{ container: id, repo: repository || undefined, tag: tag || undefined },
      ...{ comment: comment || undefined, author: author || undefined },
      pause: pause ? undefined : "0",
      // The API takes several; an engine reads each line as one more.
      changes: changes.length === 0 ? undefined : changes.join("\n"),
    };
    const reply = await this.#transport.request(routes.containerCommit, { query });
    return JSON.parse(await reply.body.text()).Id;
  }
}

function parseStat(headers: Record<string, string>): PathStat | undefined {
  const text = headers["x-docker-container-path-stat"];
  if (text === undefined) return undefined;
  return JSON.parse(Buffer.from(text, "base64").toString("utf8")) as PathStat;
}

export function isDirectory({ mode }: Pick<PathStat, "mode">): boolean {
  return Math.floor(mode / goMode.directory) % 2 === 1;
}

export function isSymlink({ mode }: Pick<PathStat, "mode">): boolean {
  return Math.floor(mode / goMode.symlink) % 2 === 1;
}

/** A device, pipe or socket, which nothing is copied onto; and what Docker calls it. */
export function specialKind({ mode }: Pick<PathStat, "mode">): string | undefined {
  const device = Math.floor(mode / 2 ** 26) % 2 === 1;
  if (device) return "got a device";
  const other = [25, 24].some((bit) => Math.floor(mode / 2 ** bit) % 2 === 1);
  return other ? "got an irregular file" : undefined;
}
