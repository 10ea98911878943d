import { chmod, chown, lstat, mkdir, readFile, rename, rm, unlink } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { EngineError, messageOf } from "../../errors.ts";
import type { Listening, ListenOptions } from "./listen.ts";
import type { ApiServer } from "./server.ts";

const usualGroups = ["rt", "docker"];
/** What sockaddr_un holds, see unix(7). */
const maxPathBytes = 107;

/**
 * Serves on a Unix socket with mode 0660. It is made in a directory that is closed to others and gets
 * its name when owner and mode are set, so that nobody can connect before.
 */
export async function listenUnix(
  server: ApiServer,
  path: string,
  { group, peers, direct }: ListenOptions,
): Promise<Listening> {
  const gid = await findGroup(group);
  await makeRoom(path);
  const nursery = join(dirname(path), `.${basename(path)}.new`);
  const born = join(nursery, "s");
  if (Buffer.byteLength(born) > maxPathBytes) {
    throw new EngineError("invalid_argument", `cannot listen on ${path}: the path is too long`);
  }
  await rm(nursery, { recursive: true, force: true });
  await mkdir(nursery, { mode: 0o700 });
  const listener = createServer({ allowHalfOpen: true }, (socket) =>
    server.accept(socket, peers.read(socket), direct),
  );
  try {
    await bind(listener, born, path);
    if (gid !== undefined) await chown(born, 0, gid);
    await chmod(born, 0o660);
    await rename(born, path);
  } catch (error) {
    listener.close();
    throw error;
  } finally {
    await rm(nursery, { recursive: true, force: true });
  }
  return {
    async close() {
      listener.close();
      await unlink(path).catch(() => {});
    },
  };
}

/** Refuses a socket that is in use and whatever is no socket; one that nobody answers on is replaced. */
async function makeRoom(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket())
    throw new EngineError(
      "conflict",
      `cannot listen on ${path}: a file that is no socket is in the way`,
    );
  if (await answers(path)) {
    throw new EngineError("conflict", `cannot listen on ${path}: another process serves there`, {
      hint: "stop it, or choose another socket with -H unix:///PATH",
    });
  }
}

function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ path }, () => resolve(true));
  socket.on("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

function bind(listener: Server, born: string, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  listener.once("error", (cause) =>
    reject(new EngineError("internal", `listen on ${path}: ${messageOf(cause)}`, { cause })),
  );
  listener.listen(born, resolve);
  return promise;
}

/** The id of the group that is asked for, which must exist, or of a usual one that does. */
async function findGroup(wanted: string | undefined): Promise<number | undefined> {
  if (wanted === "") return undefined;
  const groups = await readIds("/etc/group");
  if (wanted === undefined) {
    return usualGroups.map((name) => groups.get(name)).find((gid) => gid !== undefined);
  }
  const gid = groups.get(wanted) ?? (/^\d{1,9}$/.test(wanted) ? Number(wanted) : undefined);
  if (gid !== undefined) return gid;
  throw new EngineError("invalid_argument", `group ${JSON.stringify(wanted)} not found`, {
    hint: "name a group of this machine with --group, or give its number",
  });
}

/** Names and numbers in /etc/passwd or /etc/group. */
export async function readIds(path: string): Promise<Map<string, number>> {
  const text = await readFile(path, "utf8").catch(() => "");
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name = "", , number = ""] = line.split(":");
    if (name !== "" && /^\d+$/.test(number) && !found.has(name)) found.set(name, Number(number));
  }
  return found;
}
