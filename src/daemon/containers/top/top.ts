import { readFile } from "node:fs/promises";
import { EngineError } from "../../../errors.ts";
import type { CgroupRef, Native } from "../../../native-types/native.ts";
import { isRunning } from "../container.ts";
import type { Entry } from "../table.ts";
import { parsePsOptions } from "./options.ts";

/** Docker's answer to `top`. */
export interface TopResponse {
  Titles: string[];
  Processes: string[][];
}

export interface TopParts {
  native: Pick<Native, "listProcesses">;
  /** Bytes of memory of the host. */
  memTotal: number;
  cgroup(entry: Entry): CgroupRef;
}

/** The processes of a container, with the columns that options of `ps` ask for. */
export async function listTop(
  { native, memTotal, cgroup }: TopParts,
  entry: Entry,
  options: string,
): Promise<TopResponse> {
  const { id } = entry.container;
  const columns = parsePsOptions(options);
  if (entry.state.status === "restarting") {
    throw new EngineError(
      "conflict",
      `Container ${id} is restarting, wait until the container is running`,
    );
  }
  if (!isRunning(entry.state)) throw new EngineError("conflict", `container ${id} is not running`);
  const [list, users, groups] = await Promise.all([
    native.listProcesses(cgroup(entry)),
    readNames("/etc/passwd"),
    readNames("/etc/group"),
  ]);
  const context = {
    uptime: list.uptime,
    now: Date.now(),
    memory: memTotal / 1024,
    userName: (uid: number) => users.get(uid) ?? String(uid),
    groupName: (gid: number) => groups.get(gid) ?? String(gid),
  };
  return {
    Titles: columns.map(({ title }) => title),
    Processes: list.processes.map((process) => columns.map(({ cell }) => cell(process, context))),
  };
}

/** Names of the host by number, as Docker shows them; see passwd(5) and group(5). */
async function readNames(file: string): Promise<Map<number, string>> {
  const text = await readFile(file, "utf8").catch(() => "");
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name = "", , number] = line.split(":");
    if (number !== undefined && !names.has(Number(number))) names.set(Number(number), name);
  }
  return names;
}
