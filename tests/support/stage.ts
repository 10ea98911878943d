/** What most tests need: a world with a registry that has images, and a daemon that mirrors it. */
import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { buildHelloImage } from "../../scripts/hello-image.ts";
import type { Daemon, DaemonOptions } from "./daemon.ts";
import { buildBusybox } from "./images.ts";
import type { Finished, SpawnOptions } from "./process.ts";
import type { Registry } from "./registry.ts";
import { World } from "./world.ts";

export interface Stage {
  world: World;
  registry: Registry;
  daemon: Daemon;
  /** `rt run --rm FLAGS busybox sh -c SCRIPT`. */
  sh(script: string, flags?: string[], options?: SpawnOptions): Promise<Finished>;
}

export interface StageOptions extends DaemonOptions {
  /** Names that are pulled before the first test; busybox unless told. */
  pulled?: string[];
}

async function createStage(options: StageOptions): Promise<Stage> {
  const world = await World.create();
  try {
    const registry = await world.registry();
    await registry.push("library/hello-world:latest", await buildHelloImage());
    await registry.push("library/busybox:latest", await buildBusybox());
    const daemon = await world.daemon({ mirrors: [registry.url], ...options });
    for (const name of options.pulled ?? ["busybox"]) await world.rtOutput(["pull", "-q", name]);
    const sh: Stage["sh"] = (script, flags = [], spawn = {}) =>
      world.rt(["run", "--rm", ...flags, "busybox", "sh", "-c", script], spawn);
    return { world, registry, daemon, sh };
  } catch (error) {
    await world.end().catch(() => undefined);
    throw error;
  }
}

/** Sets a stage for the tests of the calling file; after them it fails if anything is left of it. */
export function useStage(options: StageOptions = {}): () => Stage {
  setDefaultTimeout(60_000);
  let stage: Stage | undefined;
  beforeAll(async () => {
    stage = await createStage(options);
  });
  afterAll(async () => {
    await stage?.world.end();
  });
  return () => {
    if (stage === undefined) throw new Error("the stage is not set");
    return stage;
  };
}
