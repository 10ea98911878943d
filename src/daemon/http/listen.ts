import { chmod, chown, lstat, mkdir, readFile, unlink } from "node:fs/promises";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { EngineError, messageOf } from "../../errors.ts";

export interface Listening {
  /** Stops listening, ends every connection and removes the sockets. */
  close(): Promise<void>;
}

/** Serves on Unix sockets, mode 0660 and owned by group `rt` or `docker` where there is one. */
export async function listen(createServer: () => Server, paths: string[]): Promise<Listening> {
  const servers: Server[] = [];
  for (const path of paths) {
    await makeRoom(path);
    const server = createServer();
    await bind(server, path);
    servers.push(server);
    await chmod(path, 0o660);
    const group = await findGroup(["rt", "docker"]);
    if (group !== undefined) await chown(path, 0, group);
  }
  return {
    async close() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
      await Promise.all(paths.map((path) => unlink(path).catch(() => {})));
    },
  };
}

/** Removes a socket that nobody answers on; refuses one that is in use and whatever is no socket. */
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
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ path }, () => resolve(true));
  socket.on("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

function bind(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (cause: Error): void =>
    reject(new EngineError("internal", `listen on ${path}: ${messageOf(cause)}`, { cause }));
  server.once("error", fail);
  server.listen(path, () => {
    server.off("error", fail);
    resolve();
  });
  return promise;
}

async function findGroup(names: string[]): Promise<number | undefined> {
  const text = await readFile("/etc/group", "utf8").catch(() => "");
  for (const name of names) {
    const line = text.split("\n").find((entry) => entry.startsWith(`${name}:`));
    const gid = Number(line?.split(":")[2]);
    if (Number.isSafeInteger(gid)) return gid;
  }
  return undefined;
}
