/**
 * A holder process in network, mount and process namespaces of its own. It is process 1 there, so
 * that its end is the end of everything that was started inside, and it reaps whatever is orphaned.
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import { Running } from "./process.ts";

export class Namespace {
  readonly #holder: Running;
  /** Process 1 of the namespace, as seen from outside. */
  readonly pid: number;

  private constructor(holder: Running, pid: number) {
    this.#holder = holder;
    this.pid = pid;
  }

  static async create(): Promise<Namespace> {
    // An ignored SIGCHLD outlives exec and makes the kernel reap children by itself.
    const script =
      "ip link set lo up && echo ready && exec env --ignore-signal=CHLD sleep infinity";
    const unshare =
      "unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private";
    // The holder ends with the test process, however that ends.
    const command = ["setpriv", "--pdeathsig", "KILL", ...unshare.split(" "), "sh", "-c", script];
    const holder = new Running(command);
    await holder.prints("ready");
    const [child] = await childrenOf(holder.pid);
    if (child === undefined) throw new Error("the namespace has no process");
    return new Namespace(holder, child);
  }

  /** The command that runs `command` inside. */
  enter(command: readonly string[]): string[] {
    return ["nsenter", "--target", `${this.pid}`, "--net", "--mount", "--pid", "--", ...command];
  }

  /** The same on a terminal: its Ctrl-C is meant for `command`, not for who waits for it outside. */
  enterByTerminal(command: readonly string[]): string[] {
    const inside = ["env", "--default-signal=INT", ...command];
    return ["env", "--ignore-signal=INT", ...this.enter(inside)];
  }

  /** Processes inside, process 1 left out, as seen from outside: pid → command line. */
  async processes(): Promise<Map<number, string>> {
    const own = await readlink(`/proc/${this.pid}/ns/pid`);
    const found = new Map<number, string>();
    for (const entry of await readdir("/proc")) {
      if (!/^\d+$/.test(entry) || Number(entry) === this.pid) continue;
      const namespace = await readlink(`/proc/${entry}/ns/pid`).catch(() => undefined);
      if (namespace !== own) continue;
      const line = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
      found.set(Number(entry), line.replaceAll("\0", " ").trim() || (await nameOf(entry)));
    }
    return found;
  }

  /** Mount points inside, one line each. */
  async mounts(): Promise<string[]> {
    const lines = (await readFile(`/proc/${this.pid}/mountinfo`, "utf8")).trim().split("\n");
    return lines.map((line) => line.split(" ").slice(3, 5).join(" "));
  }

  /** Names of the network interfaces inside. */
  async links(): Promise<string[]> {
    const table = await readFile(`/proc/${this.pid}/net/dev`, "utf8");
    return table.split("\n").flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []);
  }

  /** Ends everything inside. */
  async end(): Promise<void> {
    this.#holder.kill("SIGKILL");
    await this.#holder.finished();
  }
}

export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return text.trim().split(/\s+/).filter(Boolean).map(Number);
}

async function nameOf(pid: string): Promise<string> {
  return `[${(await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "gone")).trim()}]`;
}
