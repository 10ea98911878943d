/** A world whose daemon has its data on a disk that can be filled. */
import { afterAll, beforeAll } from "bun:test";
import { rm, stat, writeFile } from "node:fs/promises";
import { buildBusybox } from "./images.ts";
import { World } from "./world.ts";

/** 24 MB, with busybox on it as `image`. */
export class SmallDisk {
  readonly world: World;
  readonly image: string;

  private constructor(world: World, image: string) {
    this.world = world;
    this.image = image;
  }

  static async create(): Promise<SmallDisk> {
    const world = await World.create();
    const registry = await world.registry();
    await registry.push("x/busybox:latest", await buildBusybox());
    await world.run(["mkdir", world.path("data")]);
    await world.run(["mount", "-t", "tmpfs", "-o", "size=24m", "small", world.path("data")]);
    const disk = new SmallDisk(world, `${registry.host}/x/busybox`);
    await world.daemon();
    await world.rtOutput(["pull", "-q", disk.image]);
    return disk;
  }

  /** As this process sees it. */
  get #filler(): string {
    return `/proc/${this.world.namespace.pid}/root${this.world.path("data", "filler")}`;
  }

  /** Takes every free byte; answers how many are left. */
  async fill(): Promise<number> {
    const data = this.world.path("data");
    await this.world.run(["sh", "-c", `cat /dev/zero >>${data}/filler 2>/dev/null`]);
    const { stdout } = await this.world.run(["df", "--output=avail", data]);
    return Number(stdout.trim().split("\n").at(-1));
  }

  /** Gives back what the filler took and is there still; answers how many bytes it has then. */
  async empty(): Promise<number> {
    await writeFile(this.#filler, "");
    return (await stat(this.#filler)).size;
  }

  async end(): Promise<void> {
    await rm(this.#filler, { force: true });
    const daemon = this.world.daemonAlive();
    await daemon.removeContainers();
    await daemon.stop();
    await this.world.run(["umount", this.world.path("data")]);
    await this.world.end();
  }
}

/** One for all tests of a file. */
export function useSmallDisk(): () => SmallDisk {
  let disk: SmallDisk;
  beforeAll(async () => {
    disk = await SmallDisk.create();
  });
  afterAll(() => disk.end());
  return () => disk;
}
