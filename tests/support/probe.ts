/** Runs the probe (`tests/support/probe`): a static program that says what it finds around it. */
import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { chmod, copyFile, mkdtemp, rm } from "node:fs/promises";
import { buildImage } from "../../scripts/image.ts";
import type { Posture } from "./golden/posture.ts";
import type { SpawnOptions } from "./process.ts";
import { World } from "./world.ts";

export const probePath = `${import.meta.dir}/../../dist/native/probe`;

export interface Mount {
  target: string;
  /** What of the file system is mounted. */
  root: string;
  /** Of the mount: "rw,nosuid". */
  flags: string;
  /** Empty for a private mount. */
  propagation: string;
  type: string;
  /** Of the file system. */
  options: string;
}

export interface DeviceNode {
  /** "c 1:3", "directory", "link /proc/self/fd". */
  kind: string;
  mode?: string;
  owner?: string;
  /** "ok" or an error's name. */
  open?: string;
}

export interface PathState {
  kind: string;
  /** "full", "empty" or an error's name. */
  content: string;
  /** "ok" or an error's name. */
  write: string;
}

/** What `probe all` says; an error stands as its name. */
export interface Found {
  capabilities: Record<string, string | number>;
  descriptors: Record<string, string>;
  devices: Record<string, DeviceNode>;
  groups: { uid: number[]; gid: number[]; groups: number[] };
  keyring: { session: string | { id: number; description: string }; keys: string[] | null };
  limits: Record<string, (number | "unlimited")[]>;
  made: Record<string, { make: string; open?: string }>;
  mounts: Mount[];
  namespaces: Record<string, string>;
  paths: Record<string, "absent" | PathState>;
  process: Record<string, string | number | string[]>;
  signals: Record<string, string>;
  sysctls: Record<string, string>;
  /** Only when asked for: answers by name, and by door ("native", "x32", "i386") and number. */
  syscalls?: Record<string, string>;
  numbers?: Record<string, Record<string, string>>;
}

/** A world with a daemon that has the image "probe": one layer, one file, no /etc, no PATH. */
export class ProbeStage {
  readonly world: World;
  /** What the probe finds outside of any container, as root of the world. */
  readonly outside: Found;

  private constructor(world: World, outside: Found) {
    this.world = world;
    this.outside = outside;
  }

  static async create(): Promise<ProbeStage> {
    const world = await World.create();
    try {
      if (!(await Bun.file(probePath).exists())) {
        throw new Error(`${probePath} is missing: run ./scripts/build.sh --tests`);
      }
      const content = await Bun.file(probePath).bytes();
      const config = { Entrypoint: ["/probe"], Cmd: ["all"] };
      const image = buildImage({ layers: [[{ name: "probe", content }]], config });
      const registry = await world.registry();
      await registry.push("library/probe:latest", image);
      await world.daemon({ mirrors: [registry.url] });
      await world.rtOutput(["pull", "-q", "probe"]);
      return new ProbeStage(world, parseProbe(await world.run([probePath, "all", "syscalls"])));
    } catch (error) {
      await world.end().catch(() => undefined);
      throw error;
    }
  }

  /** What it finds there as another user, or with none of root's capabilities. */
  async outsideAs(uid: number): Promise<Found> {
    const drop = ["--inh-caps=-all", "--bounding-set=-all", "--clear-groups"];
    const user = [`--reuid=${uid}`, "--regid=0"];
    // The user may be kept out of where the repository lies.
    const place = await mkdtemp("/tmp/rt-probe-");
    try {
      await chmod(place, 0o755);
      await copyFile(probePath, `${place}/probe`);
      return parseProbe(
        await this.world.run(["setpriv", ...drop, ...user, `${place}/probe`, "all"]),
      );
    } finally {
      await rm(place, { recursive: true });
    }
  }

  /** `rt run --rm FLAGS probe all`: the probe is the first process, or `--init`'s child. */
  async run(flags: string[] = [], words = ["all"], options: SpawnOptions = {}): Promise<Found> {
    const said = await this.world.rt(["run", "--rm", ...flags, "probe", ...words], options);
    return parseProbe(said);
  }

  /** The probe beside one that waits: started by exec in a container of its own. */
  async exec(
    flags: string[] = [],
    container: string[] = [],
    words = ["all"],
    options: SpawnOptions = {},
  ): Promise<Found> {
    const id = await this.world.rtOutput(["run", "-d", ...container, "probe", "wait"]);
    try {
      return parseProbe(await this.world.rt(["exec", ...flags, id, "/probe", ...words], options));
    } finally {
      await this.world.rtOutput(["rm", "-f", id]);
    }
  }

  /** What a process in this posture finds. */
  async find(posture: Posture, words = ["all"]): Promise<Found> {
    const { exec, flags, terminal } = posture;
    const options = terminal ? { terminal: { cols: 80, rows: 24 } } : {};
    if (exec !== undefined) return await this.exec(exec, flags, words, options);
    return await this.run(flags, words, options);
  }
}

/** What the probe has printed. */
export function parseProbe(said: { code: number; stdout: string; stderr: string }): Found {
  if (said.code !== 0) throw new Error(`exited with ${said.code}: ${said.stderr}${said.stdout}`);
  return JSON.parse(said.stdout) as Found;
}

export function useProbe(): () => ProbeStage {
  setDefaultTimeout(60_000);
  let stage: ProbeStage | undefined;
  beforeAll(async () => {
    stage = await ProbeStage.create();
  });
  afterAll(async () => {
    await stage?.world.end();
  });
  return () => {
    if (stage === undefined) throw new Error("the stage is not set");
    return stage;
  };
}
