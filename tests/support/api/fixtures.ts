/** Containers that hostile requests are aimed at; made again whenever one of them was hit. */
import type { Daemon } from "../daemon.ts";
import type { Fixtures } from "./generate.ts";

const waiting = "trap 'exit 0' TERM INT HUP QUIT; while :; do sleep 1000 & wait; done";
const commands: Record<string, { Cmd: string[]; starts: boolean }> = {
  "fuzz-idle": { Cmd: ["true"], starts: false },
  "fuzz-busy": { Cmd: ["sh", "-c", waiting], starts: true },
  "fuzz-done": { Cmd: ["echo", "done"], starts: true },
};

export class Targets implements Fixtures {
  readonly containers = Object.keys(commands);
  readonly execs: string[] = ["none"];
  readonly #daemon: Daemon;
  #turn: Promise<void> = Promise.resolve();

  constructor(daemon: Daemon) {
    this.#daemon = daemon;
  }

  /** One after another, since several connections may find at once that something is missing. */
  async restore(): Promise<void> {
    const turn = this.#turn.then(() => this.#restore());
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  async #restore(): Promise<void> {
    const reply = await this.#daemon.request("/images/busybox/json");
    if (!reply.ok) await this.#do("/images/create?fromImage=busybox&tag=latest");
    for (const [name, { Cmd, starts }] of Object.entries(commands)) {
      const found = await this.#daemon.request(`/containers/${name}/json`);
      if (found.ok) continue;
      await this.#do(`/containers/create?name=${name}`, {
        ...{ Image: "busybox", Cmd, HostConfig: { NetworkMode: "none" } },
      });
      if (starts) await this.#do(`/containers/${name}/start`);
    }
    const made = await this.#daemon.post("/containers/fuzz-busy/exec", { Cmd: ["true"] });
    const { Id } = (await made.json()) as { Id?: string };
    this.execs.splice(0, this.execs.length, Id ?? "none", "none", "..", "%00");
  }

  /** Removes everything that a batch has left, and the targets with it. */
  async clear(): Promise<void> {
    await this.#daemon.removeContainers();
    const { Volumes } = await this.#daemon.json<{ Volumes: { Name: string }[] }>("/volumes");
    for (const { Name } of Volumes) await this.#remove(`/volumes/${encodeURIComponent(Name)}`);
    const images = await this.#daemon.json<{ Id: string; RepoTags: string[] }[]>("/images/json");
    for (const { Id, RepoTags } of images) {
      if (!RepoTags.some((tag) => tag.startsWith("busybox:")))
        await this.#remove(`/images/${Id}?force=1`);
    }
  }

  async #remove(path: string): Promise<void> {
    const reply = await this.#daemon.request(path, { method: "DELETE" });
    if (!reply.ok) throw new Error(`remove ${path}: ${reply.status} ${await reply.text()}`);
    await reply.arrayBuffer();
  }

  /** Another connection may have done the same, or undone it, meanwhile. */
  async #do(path: string, body?: unknown): Promise<void> {
    const reply = await this.#daemon.post(path, body);
    await reply.arrayBuffer();
    if (reply.status >= 500) throw new Error(`${path} answered ${reply.status}`);
  }
}
