/** What a process holds: for tests that it ends where it began. */
import { readdir, readFile } from "node:fs/promises";
import { until } from "./until.ts";

export interface Usage {
  files: number;
  threads: number;
  /** Anonymous memory, KiB: what other processes share of the program comes and goes with them. */
  memory: number;
}

export async function usageOf(pid: number): Promise<Usage> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return {
    files: (await readdir(`/proc/${pid}/fd`)).length,
    threads: (await readdir(`/proc/${pid}/task`)).length,
    memory: Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0),
  };
}

/** KiB that a small process may differ by. */
const pages = 64;

interface Shares {
  share?: number;
  memory?: number;
}

/**
 * Waits until a process holds no more than it did, within a share; two things of slack for small numbers.
 * Memory is compared by what the runtime keeps after its collector has run, so `memory` is a share of its own.
 */
export async function returnsTo(
  pid: number,
  before: Usage,
  { share = 0.05, memory = share }: Shares = {},
): Promise<void> {
  let now = before;
  const most = {
    files: before.files * (1 + share) + 2,
    threads: before.threads * (1 + share) + 2,
    memory: before.memory * (1 + memory) + pages,
  };
  const fits = async () => {
    now = await usageOf(pid);
    return now.files <= most.files && now.threads <= most.threads && now.memory <= most.memory;
  };
  await until("the process to hold what it held", fits, 20_000).catch(() => {
    throw new Error(`holds ${JSON.stringify(now)}, began with ${JSON.stringify(before)}`);
  });
}

/**
 * The same around some work. What leaks is held of each turn of it; the runtime's heap, which looks for its size,
 * may come to hold more in one.
 */
export async function staysAtWhatItHolds(
  pid: number,
  shares: Shares,
  work: () => Promise<void>,
): Promise<void> {
  for (let turn = 1; ; turn += 1) {
    await Bun.sleep(500);
    const before = await usageOf(pid);
    await work();
    try {
      return await returnsTo(pid, before, shares);
    } catch (error) {
      if (turn === 3) throw error;
    }
  }
}

/** Processes of a namespace that have ended and that nobody waits for. */
export async function zombiesAmong(pids: Iterable<number>): Promise<number[]> {
  const found: number[] = [];
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    if (/\) Z /.test(stat)) found.push(pid);
  }
  return found;
}
