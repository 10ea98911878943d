import { posix } from "node:path";
import { TarReader } from "../../archive/reader.ts";
import type { Session } from "../../cli/command.ts";
import { type FilesClient, isDirectory, isSymlink, specialKind } from "../../client/files.ts";
import { EngineError } from "../../errors.ts";
import { absolute, checkOutput, findDestination, findSource } from "./local.ts";
import { packTree } from "./pack.ts";
import {
  baseOf,
  type CopyDestination,
  followedName,
  placeCopy,
  renameTop,
  splitEntry,
} from "./paths.ts";
import { unpackTree } from "./unpack.ts";

export interface Transfer {
  container: string;
  from: string;
  to: string;
  followLink: boolean;
  copyOwner: boolean;
}

/** What was copied, for the last line. */
export interface Copied {
  /** Bytes of the archive. */
  size: number;
  /** Where to, as it is shown. */
  to: string;
}

/** Out of a container; undefined if the archive itself went to stdout. */
export async function copyOut(
  client: FilesClient,
  session: Session,
  { container, from, to, followLink }: Transfer,
): Promise<Copied | undefined> {
  const destination = to === "-" ? to : absolute(to);
  if (destination !== "-") await checkOutput(destination);
  let source = { path: from, rebaseName: undefined as string | undefined };
  if (followLink) {
    const stat = await client.stat(container, from);
    if (stat && isSymlink(stat))
      source = followedName(from, posix.resolve(splitEntry(from).directory, stat.linkTarget));
  }
  const { reply, stat } = await client.read(container, source.path);
  if (destination === "-") {
    for (let chunk = await reply.body.next(); chunk; chunk = await reply.body.next())
      await session.stdout.pipe(chunk);
    return undefined;
  }
  const about = { ...source, isDirectory: stat !== undefined && isDirectory(stat) };
  const { directory, name } = placeCopy(about, await findDestination(destination));
  let size = 0;
  const reader = new TarReader(async () => {
    const chunk = await reply.body.next();
    size += chunk?.length ?? 0;
    return chunk;
  });
  try {
    await unpackTree(reader, directory, {
      rename: renameTop(baseOf(source.path), name),
      warn: (text) => session.stderr.line(`${session.program}: ${text}`),
    });
  } finally {
    reply.body.cancel();
  }
  return { size, to: destination };
}

/** Into a container. */
export async function copyIn(
  client: FilesClient,
  { container, from, to, followLink, copyOwner }: Transfer,
): Promise<Copied | undefined> {
  const destination = await inContainer(client, container, to);
  if (from === "-") {
    if (!destination.isDirectory) {
      const text = `destination "${container}:${to}" must be a directory`;
      throw new EngineError("invalid_argument", text);
    }
    const input = Bun.stdin.stream() as unknown as AsyncIterable<Uint8Array>;
    await client.write(container, { path: destination.path, copyOwner }, input);
    return undefined;
  }
  const source = await findSource(absolute(from), followLink);
  const { directory, name } = placeCopy(source, destination);
  let size = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of packTree(source.path, name)) {
      size += chunk.length;
      yield chunk;
    }
  }
  await client.write(container, { path: directory, copyOwner }, counted());
  return { size, to: `${container}:${destination.path}` };
}

/** A link there is followed; what cannot be asked is taken for absent, and unpacking will tell. */
async function inContainer(
  client: FilesClient,
  container: string,
  to: string,
): Promise<CopyDestination> {
  let path = to;
  let stat = await client.stat(container, path);
  if (stat && isSymlink(stat)) {
    path = posix.resolve(splitEntry(to).directory, stat.linkTarget);
    stat = await client.stat(container, path);
  }
  const special = stat && specialKind(stat);
  if (special !== undefined) {
    const text = `destination "${container}:${to}" must be a directory or a regular file: ${special}`;
    throw new EngineError("invalid_argument", text);
  }
  return { path, exists: stat !== undefined, isDirectory: stat !== undefined && isDirectory(stat) };
}
