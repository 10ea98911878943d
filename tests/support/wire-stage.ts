/** What tests of broken and lying registries need: a daemon, and a registry whose every byte they script. */
import { afterAll, afterEach, beforeAll, setDefaultTimeout } from "bun:test";
import type { Daemon, DaemonOptions } from "./daemon.ts";
import { WireRegistry } from "./wire-registry.ts";
import { World } from "./world.ts";

export interface WireStage {
  world: World;
  daemon: Daemon;
  registry: WireRegistry;
}

export interface WireStageOptions extends DaemonOptions {
  /** Removes all images after each test. */
  forgets?: boolean;
}

/** Sets a stage for the tests of the calling file and hands it to `set`; the script is the honest one before each test. */
export function useWireStage(
  set: (stage: WireStage) => void,
  { forgets = false, ...options }: WireStageOptions = {},
): void {
  setDefaultTimeout(60_000);
  let stage: WireStage | undefined;
  let world: World | undefined;
  beforeAll(async () => {
    world = await World.create();
    const daemon = await world.daemon(options);
    stage = { world, daemon, registry: await WireRegistry.start(world) };
    set(stage);
  });
  afterEach(async () => {
    stage?.registry.reset();
    if (!forgets || stage === undefined) return;
    const images = await stage.world.rtOutput(["images", "-q"]);
    if (images !== "") await stage.world.rtOutput(["rmi", ...images.split("\n")]);
  });
  afterAll(async () => {
    stage?.registry[Symbol.dispose]();
    await world?.end();
  });
}
