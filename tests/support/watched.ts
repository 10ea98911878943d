/** What tests of hostile containers need: a stage whose host is watched, see {@link Canary}. */
import type { Image } from "../../scripts/image.ts";
import { Canary } from "./canary.ts";
import type { Daemon } from "./daemon.ts";
import type { Registry } from "./registry.ts";
import { World } from "./world.ts";

export interface WatchedStage {
  world: World;
  registry: Registry;
  daemon: Daemon;
  canary: Canary;
  /** Fails if anything is left of it. */
  end(): Promise<void>;
}

/** The images, by their names on Docker Hub, are pulled. */
export async function openWatched(images: Record<string, Image>): Promise<WatchedStage> {
  const world = await World.create();
  const canary = await Canary.create(world);
  const registry = await world.registry();
  for (const [name, image] of Object.entries(images)) await registry.push(`library/${name}`, image);
  const daemon = await world.daemon({ mirrors: [registry.url] });
  for (const name of Object.keys(images)) await world.rtOutput(["pull", "-q", name]);
  const end = async (): Promise<void> => {
    await daemon.removeContainers();
    await daemon.stop();
    await canary.remove();
    await world.end();
  };
  return { world, registry, daemon, canary, end };
}
