/** What was acknowledged, to be compared with what is there. */
import type { Daemon } from "../daemon.ts";
import type { Answer } from "./connection.ts";

export class Ledger {
  readonly #made = new Set<string>();
  readonly #gone = new Set<string>();
  /** A request that nobody heard the end of may have made or removed something. */
  #unheard = 0;

  unheard(): void {
    this.#unheard += 1;
  }

  note(method: string, answer: Answer): void {
    if (answer.status !== 201 && answer.status !== 200) return;
    if (answer.isOpen) this.unheard();
    if (method !== "POST") return;
    const body = parse(answer.body);
    if (typeof body?.Id === "string" && "Warnings" in body) this.#made.add(body.Id);
    for (const id of Array.isArray(body?.ContainersDeleted) ? body.ContainersDeleted : [])
      this.#gone.add(String(id));
  }

  /** Containers that were asked for without an answer being heard, at most. */
  async check(daemon: Daemon, own: readonly string[]): Promise<string[]> {
    const list = await daemon.json<{ Id: string; Names: string[] }[]>("/containers/json?all=1");
    const there = new Map(list.map(({ Id, Names }) => [Id, Names[0]?.slice(1) ?? ""]));
    const strange = [...there].filter(([id, name]) => !this.#made.has(id) && !own.includes(name));
    const lost = [...this.#made].filter((id) => !there.has(id) && !this.#gone.has(id));
    const faults: string[] = [];
    if (strange.length > this.#unheard)
      faults.push(`${strange.length} containers exist that nobody was told of`);
    if (lost.length > this.#unheard) faults.push(`${lost.length} containers are gone: ${lost[0]}`);
    return faults;
  }
}

function parse(body: Buffer): Record<string, unknown> | undefined {
  try {
    return JSON.parse(body.toString("utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
